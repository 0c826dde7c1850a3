// SPDX-License-Identifier: Apache-2.0
#include "host/spy/call_tap.hpp"

#include <algorithm>
#include <utility>

#include "async/every_shard.hpp"

namespace weft::host {
namespace {

constexpr std::size_t kWeightOfCall = sizeof(SeenCall) + 256;

bool has(std::string_view text, std::string_view part) noexcept { return part.empty() || text.contains(part); }

}  // namespace

void SeenValues::keep(std::span<const std::byte> values, std::size_t max_bytes) {
  const auto kept = values.first(std::min(values.size(), max_bytes));
  bytes.assign(kept.begin(), kept.end());
  size = values.size();
}

std::size_t SeenCall::weight() const noexcept {
  return kWeightOfCall + params.bytes.size() + results.bytes.size() + error.size() +
         (http ? http->path.size() + http->authority.size() : 0);
}

bool CallFilter::matches(std::string_view source, std::string_view target, std::string_view called_interface,
                         std::string_view called_function) const noexcept {
  return (component.empty() || component == source || component == target) && has(called_interface, interface) &&
         has(called_function, function);
}

struct CallTap::Common {
  Common(async::Shard& where, Taker told) : control(where), taker(std::move(told)) {}

  async::Shard& control;
  Taker taker;  ///< on the control shard
  std::atomic<std::size_t> waiting_bytes{0};
  std::atomic<std::uint64_t> dropped{0};
};

CallTap::CallTap(async::Shard& control, async::ShardPool& shards, Taker taker)
    : shards_(shards), common_(std::make_shared<Common>(control, std::move(taker))) {
  for (std::size_t index = 0; index < shards.size(); ++index) {
    taps_.push_back(std::make_shared<TapShard>(shards.at(index), common_));
  }
}

CallTap::~CallTap() = default;

async::Task<void> CallTap::set(std::shared_ptr<const TapSettings> settings) {
  return async::run_on_every_shard(shards_, [this, settings = std::move(settings)](std::size_t index) {
    return [settings, tap = taps_[index]]() noexcept { tap->settings_ = settings; };
  });
}

async::Task<void> CallTap::close() {
  WEFT_CO_CHECK(co_await async::run_on_every_shard(shards_, [this](std::size_t index) {
    return [tap = taps_[index]]() noexcept {
      tap->settings_ = nullptr;
      tap->seen_.clear();
      tap->is_closed_ = true;
    };
  }));
  common_->taker = nullptr;
  co_return Result<void>();
}

std::uint64_t CallTap::dropped() const noexcept { return common_->dropped.load(std::memory_order_relaxed); }

TapShard::TapShard(async::Shard& shard, std::shared_ptr<CallTap::Common> common)
    : shard_(shard), common_(std::move(common)) {}

const TapSettings* TapShard::wants(std::string_view source, std::string_view target, std::string_view interface,
                                   std::string_view function) const noexcept {
  const auto wanted = [&](const CallFilter& filter) { return filter.matches(source, target, interface, function); };
  return settings_ != nullptr && std::ranges::any_of(settings_->wanted, wanted) ? settings_.get() : nullptr;
}

void TapShard::tell(SeenCall call) {
  if (is_off() || is_closed_) {
    return;  // whoever wanted to see it has gone meanwhile
  }
  const auto weight = call.weight();
  if (common_->waiting_bytes.fetch_add(weight, std::memory_order_relaxed) + weight > CallTap::kMaxWaitingBytes) {
    common_->waiting_bytes.fetch_sub(weight, std::memory_order_relaxed);
    common_->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  seen_.push_back(std::move(call));
  if (seen_.size() == 1) {
    shard_.post([self = shared_from_this()]() noexcept { self->send(); });
  }
}

void TapShard::send() noexcept {
  if (is_closed_ || seen_.empty()) {
    return;
  }
  common_->control.post([common = common_, calls = std::exchange(seen_, {})]() noexcept {
    std::size_t weight = 0;
    for (const auto& call : calls) {
      weight += call.weight();
    }
    common->waiting_bytes.fetch_sub(weight, std::memory_order_relaxed);
    if (common->taker) {
      common->taker(calls);
    }
  });
}

}  // namespace weft::host
