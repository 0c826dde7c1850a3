// SPDX-License-Identifier: Apache-2.0
/// What a provider inside the host calls its linked components with (weft::Caller), over the dispatcher: each call is
/// begun on one of the shards, in turn, and is counted on its link like any other.
///
/// Ownership: shared by the provider's adapter, the provider and the calls under way; borrows shards and dispatcher
/// until close(). Threads: any. close() ends the calls under way with `cancelled`, waits up to kCloseGrace for the
/// shards to say so, and refuses what comes after: not on a shard. Limits: kMaxCalls unanswered ones; more are
/// resource_exhausted at once.
#pragma once

#include <weft/caller.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/shard.hpp"
#include "dispatch/dispatcher.hpp"

namespace weft::builtins {

class LinkedCaller final : public Caller, public std::enable_shared_from_this<LinkedCaller> {
 public:
  static constexpr std::size_t kMaxCalls = 16'384;
  static constexpr std::chrono::milliseconds kCloseGrace{2'000};

  /// Without a dispatcher (a provider that is tested alone) every call is `unavailable`.
  LinkedCaller(std::string id, async::ShardPool* shards, dispatch::Dispatcher* dispatcher);
  ~LinkedCaller() override;

  void call(LinkedCall call, std::vector<std::byte> params, Done done) override;
  void close();

 private:
  class OpenCall;
  struct Lane;

  void begin(std::size_t index, std::unique_ptr<OpenCall> opened) noexcept;
  /// The call has ended; it is destroyed.
  void ended(OpenCall& call) noexcept;
  void call_over() noexcept;

  const std::string id_;
  async::ShardPool* const shards_;
  dispatch::Dispatcher* const dispatcher_;
  std::vector<std::unique_ptr<Lane>> lanes_;  ///< each its shard's
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t open_ = 0;
  bool closed_ = false;
};

}  // namespace weft::builtins
