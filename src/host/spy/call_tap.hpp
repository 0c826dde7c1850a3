// SPDX-License-Identifier: Apache-2.0
/// Where the calls of a host can be watched: each shard asks its TapShard whether somebody does, and tells it of the
/// calls that he wants to see. While nobody does, that question is all that there is: a pointer of the shard's own is
/// null.
///
/// What is seen goes to the control shard in batches, one for each turn of a shard's loop; no more than
/// kMaxWaitingBytes are on their way there, and what is more is dropped and counted: watching never slows calls down.
/// Ownership: by the node; a call keeps its TapShard, which tells nobody any more after close(). Threads: TapShard on
/// its shard; set() and close() on the control shard, `taker` is called there; dropped() any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "wire/spy.hpp"

namespace weft::host {

/// Parameters or results as they went by, or their first bytes.
struct SeenValues {
  std::vector<std::byte> bytes;
  std::uint64_t size = 0;  ///< of all
  std::uint64_t streams = 0;

  void keep(std::span<const std::byte> values, std::size_t max_bytes);
  [[nodiscard]] bool is_cut() const noexcept { return bytes.size() < size; }
};

/// A call that has ended.
struct SeenCall {
  std::chrono::system_clock::time_point began;
  std::chrono::nanoseconds took{0};
  wire::CallWay way = wire::CallWay::here;
  std::string source, link_name, target, interface, function;
  SeenValues params, results;
  std::string error;                    ///< empty: it has not failed
  std::optional<wire::SpiedHttp> http;  ///< of a request, whose bodies are only counted

  /// Of memory, about.
  [[nodiscard]] std::size_t weight() const noexcept;
};

/// Which calls somebody wants to see. What is empty asks for nothing.
struct CallFilter {
  std::string component;  ///< calls or is called
  std::string interface;  ///< a part of its name
  std::string function;   ///< a part of its name

  [[nodiscard]] bool matches(std::string_view source, std::string_view target, std::string_view called_interface,
                             std::string_view called_function) const noexcept;
};

struct TapSettings {
  std::vector<CallFilter> wanted;  ///< calls that one of them matches
  std::size_t max_bytes = 0;       ///< kept of a call's parameters, and of its results
};

class TapShard;

class CallTap {
 public:
  using Taker = std::function<void(const std::vector<SeenCall>& calls)>;
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;

  CallTap(async::Shard& control, async::ShardPool& shards, Taker taker);
  ~CallTap();
  CallTap(const CallTap&) = delete;
  CallTap& operator=(const CallTap&) = delete;

  [[nodiscard]] const std::shared_ptr<TapShard>& on(const async::Shard& shard) const { return taps_[shard.index()]; }

  /// Null: nobody watches. Done when every shard knows.
  async::Task<void> set(std::shared_ptr<const TapSettings> settings);
  /// Nothing is told from now on. Before the control shard stops.
  async::Task<void> close();
  /// Calls that somebody wanted to see and was not told of.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

 private:
  friend class TapShard;
  struct Common;

  async::ShardPool& shards_;
  std::shared_ptr<Common> common_;
  std::vector<std::shared_ptr<TapShard>> taps_;
};

class TapShard : public std::enable_shared_from_this<TapShard> {
 public:
  TapShard(async::Shard& shard, std::shared_ptr<CallTap::Common> common);

  [[nodiscard]] bool is_off() const noexcept { return settings_ == nullptr; }
  /// Null: nobody wants to see such a call. Valid until the next turn of the loop.
  [[nodiscard]] const TapSettings* wants(std::string_view source, std::string_view target, std::string_view interface,
                                         std::string_view function) const noexcept;
  void tell(SeenCall call);

 private:
  friend class CallTap;
  void send() noexcept;

  async::Shard& shard_;
  std::shared_ptr<CallTap::Common> common_;
  std::shared_ptr<const TapSettings> settings_;  ///< null: nobody watches
  std::vector<SeenCall> seen_;                   ///< in this turn
  bool is_closed_ = false;
};

}  // namespace weft::host
