// SPDX-License-Identifier: Apache-2.0
/// A weft::Builtin as the Target that the dispatcher calls: finds the function, decodes, calls, encodes, and tells the
/// caller, now or later. A call that is answered at once allocates nothing but what its own values need.
///
/// Ownership: owns the Builtin; shared by routes, by calls under way and by blocking work, so the Builtin lives until
/// the last of them. Threads: invoke() on any shard below `shards`; link changes and stop() on a thread that may block,
/// one at a time. Errors that a caller is told: not_found (no such function), malformed and resource_exhausted
/// (parameters; too many calls), unavailable (being stopped; no pool for blocking work), internal (the function threw
/// or dropped its reply), cancelled (cut off by stop()), and whatever the function fails with. Limits: `max_calls`
/// unanswered calls for each shard; what is more is refused.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/async_call.hpp"
#include "builtins/link_table.hpp"
#include "builtins/provider.hpp"
#include "builtins/published.hpp"
#include "dispatch/target.hpp"

namespace weft::builtins {

struct BuiltinTargetOptions {
  std::string id;
  std::size_t shards = 1;
  async::ShardPool* pool = nullptr;  ///< by which stop() reaches calls that do not end; must outlive stop()
  PostBlocking post_blocking = {};
  LogSink log = {};
  std::uint32_t max_calls = 16'384;
};

class BuiltinTarget final : public dispatch::Target,
                            public CallOwner,
                            public std::enable_shared_from_this<BuiltinTarget> {
 public:
  /// invalid_argument if the constructor of `builtin` made a mistake (a function registered twice).
  static Result<std::shared_ptr<BuiltinTarget>> create(std::unique_ptr<Builtin> builtin, BuiltinTargetOptions options);
  ~BuiltinTarget() override;

  [[nodiscard]] const std::string& id() const noexcept override { return options_.id; }
  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override;
  void end_chain(async::Shard& shard, std::uint64_t chain) noexcept override;
  void drop_resource(async::Shard& shard, const dispatch::Invocation& drop) noexcept override;

  [[nodiscard]] Builtin& builtin() noexcept { return *builtin_; }
  /// Everything it serves, as registered.
  [[nodiscard]] std::vector<dispatch::FunctionName> functions() const override;
  /// Exceptions that left functions of the builtin. Any thread.
  [[nodiscard]] std::uint64_t exceptions() const noexcept { return exceptions_.load(std::memory_order_relaxed); }

  Result<void> put_link(const BuiltinLink& link);
  void delete_link(const BuiltinLink& link);
  /// Refuses new calls, waits up to `grace` for those under way, cuts the rest off and stops the builtin. A blocking
  /// function that has not returned after `grace` and kBlockingGrace is left to itself.
  void stop(std::chrono::milliseconds grace);

  static constexpr std::chrono::milliseconds kBlockingGrace{2'000};

 private:
  struct BlockingCall;

  BuiltinTarget(std::unique_ptr<Builtin> builtin, BuiltinTargetOptions options);
  void call_ended(CallLane& lane) noexcept override;

  [[nodiscard]] Result<const detail::BuiltinFunction*> admit(CallLane& lane, const dispatch::Invocation& invocation);
  void answer(const detail::BuiltinFunction& function, const CallInfo& info, const dispatch::Invocation& invocation,
              CallLane& lane, dispatch::CallHandler& handler);
  std::unique_ptr<dispatch::PendingCall> reply_later(const detail::BuiltinFunction& function, const CallInfo& info,
                                                     const dispatch::Invocation& invocation, async::Shard& shard,
                                                     dispatch::CallHandler& handler);
  std::unique_ptr<dispatch::PendingCall> run_blocking(const detail::BuiltinFunction& function, const CallInfo& info,
                                                      const dispatch::Invocation& invocation, async::Shard& shard,
                                                      dispatch::CallHandler& handler);
  /// Runs code of the builtin's author; an exception becomes an Error.
  template <class Work>
  Result<void> fence(const CallInfo& info, Work work) noexcept;
  [[nodiscard]] Error threw(const CallInfo& info, Errc code, const char* what);
  [[nodiscard]] Error describe(const CallInfo& info, Error error) const;
  bool wait_until_idle(std::chrono::milliseconds limit);
  [[nodiscard]] bool is_idle() const noexcept;

  BuiltinTargetOptions options_;
  std::unique_ptr<Builtin> builtin_;
  const detail::BuiltinState& state_;
  Published<LinkTable> links_;
  std::vector<CallLane> lanes_;
  std::atomic<std::uint64_t> exceptions_{0};
  std::atomic<std::uint32_t> blocking_{0};  ///< blocking functions that run now
  std::atomic<bool> stopping_{false};       ///< refuses new calls
  std::atomic<bool> stopped_{false};        ///< refuses what waits for the pool, too
  std::mutex idle_mutex_;
  std::condition_variable idle_;
};

}  // namespace weft::builtins
