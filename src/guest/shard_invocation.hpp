// SPDX-License-Identifier: Apache-2.0
/// A call of a target for a task of the control side: begun on a shard, waited for elsewhere. It goes the way of every
/// call, so the target's limits, deadline and links hold for it.
///
/// Ownership: by the task, and by itself while the call is under way. Threads: begin() and cancel() from any, the rest
/// on its shard.
#pragma once

#include <weft/host.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/completion.hpp"
#include "dispatch/target.hpp"
#include "engine/engine.hpp"
#include "guest/component_call.hpp"

namespace weft::guest {

class ShardInvocation final : public dispatch::CallHandler,
                              public CallStatsTaker,
                              public std::enable_shared_from_this<ShardInvocation> {
 public:
  struct Request {
    std::string interface;
    std::string function;
    engine::Bytes params;
    std::string source;  ///< who calls
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  };
  struct Answer {
    engine::Bytes results;
    CallStats stats;
    std::chrono::nanoseconds elapsed{0};
  };

  ShardInvocation(async::Shard& shard, std::shared_ptr<dispatch::Target> target, Request request)
      : shard_(shard), target_(std::move(target)), request_(std::move(request)) {}

  void begin(async::Completion<Answer> done) {
    done_ = std::move(done);
    shard_.post([self = shared_from_this()]() noexcept { self->invoke(); });
  }
  /// Nobody waits for it any more.
  void cancel() {
    shard_.post([self = shared_from_this()]() noexcept { self->let_go(); });
  }

 private:
  void on_results(std::span<const std::byte> results) override {
    finish(Answer{.results = {results.begin(), results.end()}, .stats = stats_, .elapsed = Clock::now() - began_});
  }
  void on_error(Error error) override { finish(std::move(error)); }
  void take_stats(const CallStats& stats) override { stats_ = stats; }

  using Clock = std::chrono::steady_clock;

  void invoke() {
    if (is_over_) {
      return;
    }
    began_ = Clock::now();
    auto pending =
        target_->invoke(shard_,
                        {.interface = request_.interface,
                         .function = request_.function,
                         .params = request_.params,
                         .context = {.source = request_.source, .link_name = "default", .deadline = request_.deadline}},
                        *this);
    if (!is_over_) {
      pending_ = std::move(pending);
      self_ = shared_from_this();
    }
  }

  void finish(Result<Answer> answer) {
    const auto self = let_go();
    done_->complete(std::move(answer));
  }

  /// Keeps this for as long as the caller needs it.
  std::shared_ptr<ShardInvocation> let_go() {
    is_over_ = true;
    pending_.reset();
    return std::exchange(self_, nullptr);
  }

  async::Shard& shard_;
  std::shared_ptr<dispatch::Target> target_;  ///< not let go from inside a call of it
  Request request_;
  std::optional<async::Completion<Answer>> done_;
  CallStats stats_;
  Clock::time_point began_;
  bool is_over_ = false;
  std::unique_ptr<dispatch::PendingCall> pending_;
  std::shared_ptr<ShardInvocation> self_;  ///< while the call is under way: whoever waits may be gone at any moment
};

}  // namespace weft::guest
