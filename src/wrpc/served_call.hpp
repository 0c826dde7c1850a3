// SPDX-License-Identifier: Apache-2.0
/// One call from the lattice at a target of this host. ServedFunction calls a function with its parameters and sends
/// the results; RefusedCall says no; ServedHttp (served_http.hpp) shows a request to whoever answers HTTP.
///
/// Ownership: by the ServedCalls it is placed in, which destroys it in ended(). Threads: its shard. Nothing of a call
/// is used after run() of the outermost entry has returned: it may be gone.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "dispatch/target.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/incoming_call.hpp"
#include "wrpc/streams.hpp"

namespace weft::wrpc {

class ServedCall;
using ServedCallPlace = std::list<std::unique_ptr<ServedCall>>::iterator;

/// Who owns calls. ended() destroys the one at that place.
class ServedCalls {
 public:
  virtual void ended(ServedCallPlace place) = 0;

 protected:
  ~ServedCalls() = default;
};

class ServedCall : public Receiver, protected IncomingEvents {
 public:
  ServedCall(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target,
             bus::Message message);
  virtual ~ServedCall();
  ServedCall(const ServedCall&) = delete;
  ServedCall& operator=(const ServedCall&) = delete;

  void place(ServedCallPlace place) { place_ = place; }
  /// May end it, and so destroy it.
  void begin();
  void on_message(std::string_view channel, bus::Message message) final;
  void on_deadline() final;
  void on_lost(const Error& error) final;

 protected:
  /// The call has failed for the caller, in its own way.
  virtual void fail(const Error& error) = 0;
  /// The turn in which the call began is over, and it has not ended.
  virtual void on_begun() = 0;
  void on_gone(Error error) override;

  /// Whatever enters from outside goes through here: a call that ends meanwhile is destroyed on the way out.
  template <class Work>
  void run(Work work) {
    ++depth_;
    work();
    if (--depth_ == 0 && is_over_) {
      owner_.ended(place_);
    }
  }
  void end() { is_over_ = true; }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

  [[nodiscard]] ShardEndpoint& endpoint() noexcept { return endpoint_; }
  [[nodiscard]] dispatch::Target& target() noexcept { return *target_; }
  [[nodiscard]] IncomingCall& call() noexcept { return call_; }
  [[nodiscard]] const IncomingCall& call() const noexcept { return call_; }
  /// For what the caller sends or takes next; else the call fails.
  void wait_at_most(std::chrono::milliseconds time) {
    endpoint_.set_deadline(number_, ShardEndpoint::Clock::now() + time);
  }
  /// All that the call needs now is there.
  void stop_waiting() { endpoint_.set_deadline(number_, ShardEndpoint::Clock::time_point::max()); }
  [[nodiscard]] dispatch::CallContext context() const;

 private:
  ShardEndpoint& endpoint_;
  ServedCalls& owner_;
  ServedCallPlace place_;
  std::shared_ptr<dispatch::Target> target_;
  std::uint64_t number_;
  IncomingCall call_;
  int depth_ = 0;  ///< of run()
  bool is_over_ = false;
};

/// Streams and futures go on after the results were sent, and the call ends when all of them have.
class ServedFunction final : public ServedCall, private dispatch::CallHandler, private StreamOwner {
 public:
  ServedFunction(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target,
                 dispatch::FunctionName function, bus::Message message);
  ~ServedFunction() override;

 private:
  void on_params(std::string params) override;
  void on_channel(std::string_view path, std::string_view piece) override;
  void on_taken(const Taken& taken) override;
  void on_gone(Error error) override;
  void fail(const Error& error) override;
  void on_begun() override;
  // CallHandler
  void on_results(std::span<const std::byte> results) override;
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) override;
  void on_error(Error error) override { on_lost(error); }
  // StreamOwner
  Result<void> send_piece(std::string_view path, std::string_view piece) override { return call().send(path, piece); }
  Result<void> finish_path(std::string_view path) override { return call().finish(path); }
  void on_sent(std::string_view path) override;
  void on_read(const Taken& taken) override { (void)call().acknowledge(taken); }
  void on_waiting(bool waits) override {
    waiting_ += waits ? 1 : -1;
    waiting_ > 0 ? wait_at_most(endpoint().config().body_timeout) : stop_waiting();
  }
  void on_inbox_closed() override;

  void end_if_over();

  dispatch::FunctionName function_;
  std::string params_;
  std::unique_ptr<dispatch::PendingCall> pending_;
  bool is_answered_ = false;
  int waiting_ = 0;  ///< streams that wait for the caller
  std::vector<std::shared_ptr<ChannelInbox>> inboxes_;
  std::vector<std::unique_ptr<ChannelSender>> senders_;
};

/// A call of what its target does not have. It is refused when all of it has come: callers of the reference host may
/// lose an answer that overtakes its accept (live-host facts C2), and would wait for good.
class RefusedCall final : public ServedCall {
 public:
  RefusedCall(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target,
              bus::Message message, Error error)
      : ServedCall(endpoint, owner, std::move(target), std::move(message)), error_(std::move(error)) {}

 private:
  void on_params(std::string /*params*/) override {
    fail(error_);
    end();
  }
  void on_channel(std::string_view /*path*/, std::string_view /*piece*/) override {}
  void fail(const Error& error) override { (void)call().fail(error); }
  void on_begun() override {}

  Error error_;
};

}  // namespace weft::wrpc
