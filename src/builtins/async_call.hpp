// SPDX-License-Identifier: Apache-2.0
/// One call at a built-in that has not been answered yet: the meeting point of the caller, on its shard, and of whoever
/// answers, on any thread.
///
/// Ownership: shared by the caller's PendingCall, the Reply and the list of its shard; it may outlive the shard. The
/// handler is borrowed until it has been told or the caller has gone. Threads: finish(), is_cancelled(), on_cancel()
/// any; the rest on the call's shard.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>
#include <weft/reply.hpp>

#include "async/shard.hpp"
#include "dispatch/target.hpp"

namespace weft::builtins {

class AsyncCall;

/// The unanswered calls of one shard, and how many calls of any kind run there. The list is the shard's own.
struct alignas(64) CallLane {
  std::atomic<std::uint32_t> running{0};
  AsyncCall* first = nullptr;
};

/// Told when a call has ended, on its shard; a target that is being stopped waits for that.
class CallOwner {
 public:
  virtual void call_ended(CallLane& lane) noexcept = 0;

 protected:
  ~CallOwner() = default;
};

class AsyncCall final : public detail::ReplyChannel, public std::enable_shared_from_this<AsyncCall> {
 public:
  AsyncCall(async::Shard& shard, std::shared_ptr<CallOwner> owner, CallLane& lane, dispatch::CallHandler& handler);
  ~AsyncCall() override;
  AsyncCall(const AsyncCall&) = delete;
  AsyncCall& operator=(const AsyncCall&) = delete;

  void finish(Result<detail::Answer> results) noexcept override;
  [[nodiscard]] bool is_cancelled() const noexcept override { return cancelled_.load(std::memory_order_acquire); }
  void on_cancel(std::move_only_function<void() noexcept> callback) override;
  [[nodiscard]] const std::atomic<bool>& cancelled() const noexcept { return cancelled_; }

  /// Once, after the function has returned: from now on answers are posted to the shard. True if the answer was there
  /// already, and the handler has been told. `failure`: how the function failed.
  bool function_returned(Result<void> outcome);
  /// The caller has gone: it is told nothing more.
  void cancel() noexcept;
  /// The provider stops: the caller is told so.
  void abort(Error error) noexcept;

 private:
  void deliver(Result<detail::Answer> results, const std::shared_ptr<boost::asio::io_context>& io) noexcept;
  /// The handler, if nobody has ended the call yet; the call is then off its lane.
  dispatch::CallHandler* end() noexcept;
  void tell_cancelled() noexcept;
  void forget_callback() noexcept;

  // Any thread.
  std::atomic<bool> answered_{false};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::move_only_function<void() noexcept> on_cancel_;
  std::shared_ptr<boost::asio::io_context> io_;  ///< moved out by whoever answers: no cycle through the loop's queue
  const std::thread::id thread_ = std::this_thread::get_id();
  // The shard's.
  bool in_function_ = true;
  std::optional<Result<detail::Answer>> early_;
  dispatch::CallHandler* handler_;
  std::shared_ptr<CallOwner> owner_;
  CallLane& lane_;
  AsyncCall* previous_ = nullptr;
  AsyncCall* next_ = nullptr;
};

/// Ends every unanswered call of a lane. On its shard.
void abort_all(CallLane& lane, const Error& error) noexcept;

}  // namespace weft::builtins
