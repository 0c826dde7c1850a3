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
  return write(std::move(key), command.count == 0 ? std::string() : wire::encode(command));
}

async::Task<Placements::Ticket> Placements::put(wire::StartProvider command) {
  auto key = provider_key(command.provider_id);
  return write(std::move(key), wire::encode(command));
}

async::Task<Placements::Ticket> Placements::remove_provider(std::string id) {
  return write(provider_key(id), std::string());
}

async::Task<void> Placements::withdraw_component(std::string id, Ticket ticket) {
  return withdraw(component_key(id), ticket);
}

async::Task<void> Placements::withdraw_provider(std::string id, Ticket ticket) {
  return withdraw(provider_key(id), ticket);
}

// The bucket carries writes out in the order they are made here, so the last ticket of a key is what it holds.
async::Task<Placements::Ticket> Placements::write(std::string key, std::string value) {
  const auto ticket = ++last_ticket_;
  tickets_[key] = ticket;
  if (value.empty()) {
    WEFT_CO_CHECK(co_await bucket_->purge(std::move(key)));
  } else {
    WEFT_CO_CHECK(co_await bucket_->put(std::move(key), std::move(value)));
  }
  co_return ticket;
}

async::Task<void> Placements::withdraw(std::string key, Ticket ticket) {
  const auto newest = tickets_.find(key);
  if (newest == tickets_.end() || newest->second != ticket) {
    co_return Result<void>();
  }
  WEFT_CO_CHECK(co_await write(std::move(key), std::string()));
  co_return Result<void>();
}

}  // namespace weft::host
