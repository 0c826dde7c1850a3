// SPDX-License-Identifier: Apache-2.0
#include "host/placements.hpp"

#include <string_view>
#include <utility>

namespace weft::host {
namespace {

constexpr std::string_view kComponent = "component.";
constexpr std::string_view kProvider = "provider.";

std::string component_key(const std::string& id) { return std::string(kComponent) + id; }
std::string provider_key(const std::string& id) { return std::string(kProvider) + id; }

/// Empty: nothing is kept. A placement says what is to run, not whether it may replace something else.
std::string value_of(wire::ScaleComponent command) {
  command.allow_update = false;
  return command.count == 0 ? std::string() : wire::encode(command);
}

}  // namespace

Placements::Placements(std::shared_ptr<bus::KeyValue> bucket) : bucket_(std::move(bucket)) {}

async::Task<Placements::Content> Placements::load() {
  WEFT_CO_TRY(const auto entries, co_await bucket_->list());
  Content content;
  for (const auto& entry : entries) {
    if (entry.key.starts_with(kComponent)) {
      if (auto command = wire::decode_scale_component(entry.value)) {
        content.components.push_back(*std::move(command));
        continue;
      }
    } else if (entry.key.starts_with(kProvider)) {
      if (auto command = wire::decode_start_provider(entry.value)) {
        content.providers.push_back(*std::move(command));
        continue;
      }
    }
    content.unreadable.push_back(entry.key);
  }
  co_return content;
}

async::Task<Placements::Ticket> Placements::put(wire::ScaleComponent command) {
  auto key = component_key(command.component_id);
  auto value = value_of(command);
  return write(std::move(key), std::move(value), std::move(command));
}

async::Task<Placements::Ticket> Placements::put(const wire::StartProvider& command) {
  auto key = provider_key(command.provider_id);
  return write(std::move(key), wire::encode(command), {});
}

async::Task<Placements::Ticket> Placements::remove_provider(std::string id) {
  auto key = provider_key(id);
  WEFT_CO_TRY(const auto ticket, co_await write(key, std::string(), {}));
  (void)take(key, ticket);
  co_return ticket;
}

const wire::ScaleComponent* Placements::pending(const std::string& id) const {
  const auto found = last_.find(component_key(id));
  return found == last_.end() || !found->second.command ? nullptr : &*found->second.command;
}

async::Task<void> Placements::settle_component(std::string id, Ticket ticket, std::optional<wire::ScaleComponent> now) {
  auto key = component_key(id);
  const auto last = take(key, ticket);
  if (!last) {
    co_return Result<void>();
  }
  auto value = now ? value_of(*std::move(now)) : std::string();
  if (last->command && value_of(*last->command) == value) {
    co_return Result<void>();
  }
  co_return co_await store(std::move(key), std::move(value));
}

async::Task<void> Placements::withdraw_provider(std::string id, Ticket ticket) {
  auto key = provider_key(id);
  if (!take(key, ticket)) {
    co_return Result<void>();
  }
  co_return co_await store(std::move(key), std::string());
}

async::Task<Placements::Ticket> Placements::write(std::string key, std::string value,
                                                  std::optional<wire::ScaleComponent> command) {
  const auto ticket = ++last_ticket_;
  const auto before = std::exchange(last_[key], Last{ticket, std::move(command)});
  const auto stored = co_await store(key, std::move(value));
  if (!stored) {
    // The command is refused: what was accepted before it is the last one again.
    if (take(key, ticket) && before.ticket != 0) {
      last_.emplace(std::move(key), before);
    }
    co_return stored.error();
  }
  co_return ticket;
}

// The bucket carries writes out in the order they are made here, so the last one of a key is what it holds.
async::Task<void> Placements::store(std::string key, std::string value) {
  if (value.empty()) {
    WEFT_CO_CHECK(co_await bucket_->purge(std::move(key)));
  } else {
    WEFT_CO_CHECK(co_await bucket_->put(std::move(key), std::move(value)));
  }
  co_return Result<void>();
}

std::optional<Placements::Last> Placements::take(const std::string& key, Ticket ticket) {
  const auto found = last_.find(key);
  if (found == last_.end() || found->second.ticket != ticket) {
    return std::nullopt;
  }
  auto last = std::move(found->second);
  last_.erase(found);
  return last;
}

}  // namespace weft::host
