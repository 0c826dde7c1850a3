// SPDX-License-Identifier: Apache-2.0
#include "wrpc/remote_streams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "wrpc/outgoing_call.hpp"
#include "wrpc/remote_target.hpp"
#include "wrpc/streams.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

using Clock = ShardEndpoint::Clock;

class StreamedCall final : public std::enable_shared_from_this<StreamedCall>,
                           private Receiver,
                           private OutgoingEvents,
                           private StreamOwner {
 public:
  StreamedCall(ShardEndpoint& endpoint, std::string target, dispatch::CallHandler& handler)
      : endpoint_(endpoint), target_(std::move(target)), handler_(&handler), number_(endpoint.add(*this)) {}
  StreamedCall(const StreamedCall&) = delete;
  StreamedCall& operator=(const StreamedCall&) = delete;
  virtual ~StreamedCall() = default;

  Result<void> begin(const dispatch::Invocation& invocation);
  /// Nobody waits for the results any more. Once they have been told, the streams are by themselves.
  void caller_gone() {
    if (std::exchange(handler_, nullptr) != nullptr) {
      call_->cancel();
      leave();
    }
  }

 private:
  // Receiver
  void on_message(std::string_view channel, bus::Message message) override {
    const auto self = shared_from_this();
    call_->receive(channel, std::move(message));
  }
  void on_deadline() override;
  void on_probe() override { call_->probe(); }
  void on_member_lost(Loss loss) override {
    if (handler_ != nullptr && !call_->is_accepted()) {
      endpoint_.set_deadline(number_, std::min(deadline_, Clock::now() + time_after(loss)));
    }
  }
  void on_lost(const Error& error) override { fail(error, Delivery::accepted); }
  // OutgoingEvents
  void on_sent() override { wait_for_accept(); }
  void on_accepted() override;
  void on_results(std::string results, Nested nested) override;
  void on_channel(std::string_view path, std::string_view piece) override;
  void on_taken(const Taken& taken) override;
  void on_failed(Error error, Delivery delivery) override {
    fail(describe_failure(std::move(error), delivery, target_, call_->subject()), delivery);
  }
  // StreamOwner
  Result<void> send_piece(std::string_view path, std::string_view piece) override { return call_->send(path, piece); }
  Result<void> finish_path(std::string_view path) override { return call_->finish(path); }
  void on_sent(std::string_view /*path*/) override { leave_if_over(); }
  void on_read(const Taken& taken) override { (void)call_->acknowledge(taken); }
  void on_waiting(bool waits) override {
    waiting_ += waits ? 1 : -1;
    set_stream_deadline();
  }
  void on_inbox_closed() override { leave_if_over(); }

  /// Until the results are there, the call's own deadline counts.
  void set_stream_deadline() {
    if (handler_ == nullptr) {
      const auto wait = endpoint_.config().body_timeout;
      endpoint_.set_deadline(number_, waiting_ > 0 ? Clock::now() + wait : Clock::time_point::max());
    }
  }
  void wait_for_accept() {
    endpoint_.set_deadline(number_, std::min(deadline_, Clock::now() + time_to_accept(endpoint_, *call_)));
  }
  void fail(Error error, Delivery delivery);
  void leave_if_over();
  void leave();

  ShardEndpoint& endpoint_;
  std::string target_;
  dispatch::CallHandler* handler_;  ///< null: has been told, or has gone
  std::uint64_t number_;
  Clock::time_point deadline_;
  int waiting_ = 0;  ///< streams that wait for the other side
  std::optional<OutgoingCall> call_;
  std::vector<std::unique_ptr<ChannelSender>> senders_;
  dispatch::Channels params_;  ///< until somebody has the call
  std::vector<std::shared_ptr<ChannelInbox>> inboxes_;
  std::shared_ptr<StreamedCall> self_;  ///< while the endpoint knows it
};

/// Its caller's end.
class Handle final : public dispatch::PendingCall {
 public:
  explicit Handle(std::shared_ptr<StreamedCall> call) : call_(std::move(call)) {}
  ~Handle() override { call_->caller_gone(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

 private:
  std::shared_ptr<StreamedCall> call_;
};

Result<void> StreamedCall::begin(const dispatch::Invocation& invocation) {
  self_ = shared_from_this();
  deadline_ = invocation.context.deadline;
  if (invocation.channels != nullptr) {
    params_ = std::exchange(*invocation.channels, {});
  }
  for (const auto path : invocation.result_paths) {
    inboxes_.push_back(
        std::make_shared<ChannelInbox>(static_cast<StreamOwner&>(*this), std::string(path), endpoint_.backlog()));
  }
  const bool is_complete = params_.empty();
  const WeftCall weft{
      .is_complete = is_complete, .depth = invocation.context.depth, .timeout = time_left(invocation.context.deadline)};
  call_.emplace(endpoint_, static_cast<OutgoingEvents&>(*this),
                OutgoingCallSpec{.subject = invocation_subject(endpoint_.config().lattice, target_,
                                                               invocation.interface, invocation.function),
                                 .inbox = endpoint_.inbox(number_),
                                 .headers = call_headers(invocation.context, weft),
                                 .is_complete = is_complete,
                                 .max_value_bytes = endpoint_.config().max_value_bytes,
                                 .detour = detour(endpoint_, target_, invocation.interface, invocation.function)});
  wait_for_accept();
  auto started = call_->start(invocation.params);
  if (!started) {
    handler_ = nullptr;
    leave();
  }
  return started;
}

void StreamedCall::on_accepted() {
  endpoint_.set_deadline(number_, deadline_);
  endpoint_.probe(number_);
  const auto self = shared_from_this();
  for (auto& [path, channel] : std::exchange(params_, {})) {
    senders_.push_back(std::make_unique<ChannelSender>(static_cast<StreamOwner&>(*this), std::move(path),
                                                       std::move(channel), call_->peer_is_weft()));
  }
  for (std::size_t index = 0; index < senders_.size(); ++index) {
    senders_[index]->start();
  }
}

void StreamedCall::on_results(std::string results, Nested nested) {
  if (results.empty() && !inboxes_.empty()) {
    return fail(Error(Errc::refused, fmt::format("\"{}\" failed and did not say why", target_),
                      "the log of the host that runs it knows", Blame::peer),
                Delivery::accepted);
  }
  const auto self = shared_from_this();
  dispatch::Channels channels;
  for (const auto& inbox : inboxes_) {
    if (nested == Nested::empty) {
      inbox->receive({});
    }
    channels.push_back({.path = inbox->path(), .channel = ChannelInbox::channel(inbox)});
  }
  auto* const handler = std::exchange(handler_, nullptr);
  set_stream_deadline();
  handler->on_streamed_results(std::as_bytes(std::span(results)), std::move(channels));
  leave_if_over();
}

void StreamedCall::on_channel(std::string_view path, std::string_view piece) {
  const auto found =
      std::ranges::find(inboxes_, path, [](const auto& inbox) -> std::string_view { return inbox->path(); });
  if (found != inboxes_.end()) {
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it may be let go of meanwhile
    const auto inbox = *found;
    inbox->receive(piece);
  }
}

void StreamedCall::on_taken(const Taken& taken) {
  for (const auto& sender : senders_) {
    if (sender->path() == taken.path) {
      return sender->acknowledge(taken);
    }
  }
}

void StreamedCall::on_deadline() {
  if (handler_ != nullptr) {
    if (call_->is_looking() && Clock::now() < deadline_) {
      const auto self = shared_from_this();
      return call_->stop_looking();
    }
    const auto delivery = call_->is_accepted() ? Delivery::accepted : Delivery::unknown;
    return fail(timed_out(target_, call_->subject(), delivery), delivery);
  }
  fail(Error(Errc::deadline_exceeded, fmt::format("\"{}\" stopped in the middle of a stream", target_),
             "it may be overloaded or gone", Blame::peer),
       Delivery::accepted);
}

void StreamedCall::fail(Error error, Delivery delivery) {
  const auto self = shared_from_this();
  call_->cancel();
  for (const auto& inbox : std::vector(inboxes_)) {
    inbox->break_off(error);
  }
  auto* const handler = std::exchange(handler_, nullptr);
  // The streams of a call that nobody has: whoever asks another takes them over before these are dropped.
  const auto unsent = std::exchange(params_, {});
  leave();
  if (handler != nullptr) {
    delivery == Delivery::not_delivered ? handler->on_not_served(std::move(error))
                                        : handler->on_error(std::move(error));
  }
}

/// It has ended when nobody reads its results any more and all is sent. A weft host says what it reads no more; of
/// another peer with results, whose end is that of the call, that is not known.
void StreamedCall::leave_if_over() {
  if (handler_ != nullptr || self_ == nullptr) {
    return;
  }
  const bool is_read = std::ranges::all_of(inboxes_, [](const auto& inbox) { return inbox->is_closed(); });
  const bool is_sent = std::ranges::all_of(senders_, [](const auto& sender) { return sender->is_done(); });
  if (is_read && (is_sent || (!inboxes_.empty() && !call_->peer_is_weft()))) {
    call_->cancel();
    leave();
  }
}

void StreamedCall::leave() {
  for (const auto& inbox : inboxes_) {
    inbox->leave();
  }
  if (const auto self = std::exchange(self_, nullptr)) {
    endpoint_.remove(number_);
    // A sender may be what calls this.
    endpoint_.shard().post([self, senders = std::exchange(senders_, {})]() mutable noexcept { senders.clear(); });
    params_.clear();
  }
}

}  // namespace

std::unique_ptr<dispatch::PendingCall> begin_streamed_call(ShardEndpoint& endpoint, const std::string& target,
                                                           const dispatch::Invocation& invocation,
                                                           dispatch::CallHandler& handler) {
  auto call = std::make_shared<StreamedCall>(endpoint, target, handler);
  if (auto begun = call->begin(invocation); !begun) {
    handler.on_error(std::move(begun).error());
    return nullptr;
  }
  return std::make_unique<Handle>(std::move(call));
}

}  // namespace weft::wrpc
