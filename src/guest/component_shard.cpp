// SPDX-License-Identifier: Apache-2.0
#include "guest/component_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "guest/component_call.hpp"
#include "guest/export_name.hpp"
#include "guest/import_table.hpp"
#include "guest/streamed_call.hpp"

namespace weft::guest {
namespace {

Error stopping(const std::string& id) {
  return {Errc::unavailable, fmt::format("\"{}\" is being stopped", id), "call again when it runs", Blame::operator_};
}

}  // namespace

/// A guest's destructor at work. Owned by its shard.
class ComponentShard::Drop final : private engine::CallEvents {
 public:
  explicit Drop(ComponentShard& owner) : owner_(owner) {}

  Result<void> begin(std::span<const std::byte> handle) {
    WEFT_TRY(call_, engine::Call::drop_resource(owner_.lane(), handle, owner_.shard_, *this));
    imports_.emplace(&owner_.imports_, owner_.shard_, CallScope{});
    call_->poll_now();
    return {};
  }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

 private:
  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override {
    imports_->answer(*call_, token, import, params);
  }
  void on_polled(engine::Polled polled) override {
    is_over_ = polled.done;
    if (is_over_) {
      // Only leaves: the first poll comes from begin(), which still stands on this.
      owner_.shard_.post([&owner = owner_]() noexcept {
        std::erase_if(owner.drops_, [](const auto& drop) { return drop->is_over(); });
      });
    }
  }
  void on_log(std::uint32_t /*stream*/, std::string_view line) override {
    if (owner_.log_) {
      owner_.log_(LogLevel::info, owner_.component_.id(), line);
    }
  }

  ComponentShard& owner_;
  bool is_over_ = false;
  std::unique_ptr<engine::Call> call_;
  std::optional<GuestImports> imports_;
};

ComponentShard::ComponentShard(async::Shard& shard, const LoadedComponent& component, const ImportPlan& imports,
                               Permits& permits, const LogSink& log)
    : shard_(shard),
      component_(component),
      imports_(imports),
      permits_(permits),
      log_(log),
      counters_(component.info().exports.size() + 1),
      timer_(shard.io()) {}

ComponentShard::~ComponentShard() = default;

engine::Lane& ComponentShard::lane() {
  if (!lane_) {
    lane_.emplace(component_.deployment());
  }
  return *lane_;
}

InterfaceCounters& ComponentShard::counters_of(std::string_view interface) {
  const auto& exports = component_.info().exports;
  const auto found = std::ranges::find(exports, interface);
  return counters_[static_cast<std::size_t>(found - exports.begin())];
}

Result<engine::Function> ComponentShard::look_up(std::span<const dispatch::FunctionName> names,
                                                 std::string_view& interface) const {
  const auto find = [this](const auto& name) {
    return component_.deployment().find(export_name(name.interface, name.function));
  };
  interface = names.front().interface;
  auto found = find(names.front());
  for (std::size_t index = 1; !found && index < names.size(); ++index) {
    if (auto other = find(names[index])) {
      interface = names[index].interface;
      return other;
    }
  }
  return found;
}

Result<const FoundFunction*> ComponentShard::find(std::string_view interface, std::string_view function) {
  if (const auto known = functions_.find(Key{interface, function}); known != functions_.end()) {
    return &known->second;
  }
  // What is not found is not remembered: callers may ask for anything.
  const auto names = exports_of(interface, function);
  std::string_view exported;
  auto found = look_up(names, exported);
  if (!found) {
    counters_.back().ended(std::chrono::nanoseconds(0), true);
    std::string hint = "see what it exports with weft inspect";
    for (const auto& other : component_.info().exports) {
      if (other != interface && without_version(other) == without_version(interface)) {
        hint = fmt::format("it exports {}; versions must be the same", other);
      }
    }
    return Error(found.error().code(), fmt::format("\"{}\": {}", component_.id(), found.error().message()),
                 std::move(hint), Blame::operator_);
  }
  auto& counters = counters_of(exported);
  FoundFunction known{*std::move(found), &counters, export_name(interface, function)};
  known.is_streamed = known.function.is_streamed();
  known.param_paths = known.function.param_paths();
  known.result_paths = known.function.result_paths();
  const auto place = functions_.emplace(OwnedKey{std::string(interface), std::string(function)}, std::move(known));
  return &place.first->second;
}

std::unique_ptr<dispatch::PendingCall> ComponentShard::invoke(const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) {
  const auto function = find(invocation.interface, invocation.function);
  if (!function) {
    handler.on_error(function.error());
    return nullptr;
  }
  if ((*function)->is_streamed) {
    return begin_streamed_call(*this, **function, invocation, handler);
  }
  auto call = std::make_unique<ComponentCall>(*this, **function, handler, CallScope::of(invocation.context));
  call->begin(invocation);
  if (call->is_over()) {
    return nullptr;
  }
  call->stay();
  return call;
}

void ComponentShard::drop_resource(std::span<const std::byte> handle) {
  auto drop = std::make_unique<Drop>(*this);
  if (drop->begin(handle) && !drop->is_over()) {
    drops_.push_back(std::move(drop));
  }
}

ComponentShard::Deadlines::iterator ComponentShard::watch(OpenCall& call, Clock::time_point deadline) {
  const auto place = deadlines_.emplace(deadline, &call);
  arm();
  return place;
}

void ComponentShard::unwatch(Deadlines::iterator place) { deadlines_.erase(place); }

/// A timer that comes too early, because its call has ended, finds nothing due.
void ComponentShard::arm() {
  if (deadlines_.empty() || deadlines_.begin()->first >= armed_) {
    return;
  }
  armed_ = deadlines_.begin()->first;
  timer_.expires_at(armed_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) {
      return;
    }
    armed_ = Clock::time_point::max();
    const auto now = Clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      deadlines_.begin()->second->deadline_passed();
    }
    arm();
  });
}

void ComponentShard::end_all() {
  while (!calls_.empty()) {
    calls_.front().fail(stopping(component_.id()));
  }
  drops_.clear();
  timer_.cancel();
  functions_.clear();
  lane_.reset();
}

void ComponentShard::add_stats(ComponentStats& stats) const {
  stats.shed += shed_.load(std::memory_order_relaxed);
  for (std::size_t index = 0; index < counters_.size(); ++index) {
    counters_[index].add_to(stats.interfaces[index]);
  }
}

}  // namespace weft::guest
