// SPDX-License-Identifier: Apache-2.0
#include "wrpc/remote_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "wrpc/call_headers.hpp"
#include "wrpc/remote_streams.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

using Clock = ShardEndpoint::Clock;

/// For the answer to a detour's question.
constexpr std::chrono::milliseconds kLookTime{200};

/// One call under way. It leaves the endpoint when it has ended or its caller has gone, whichever comes first.
class RemoteCall final : public dispatch::PendingCall, private Receiver, private OutgoingEvents {
 public:
  RemoteCall(ShardEndpoint& endpoint, std::string target, dispatch::CallHandler& handler)
      : endpoint_(endpoint), target_(std::move(target)), handler_(&handler), number_(endpoint.add(*this)) {}
  ~RemoteCall() override {
    if (handler_ != nullptr) {
      call_->cancel();
      endpoint_.remove(number_);
    }
  }
  RemoteCall(const RemoteCall&) = delete;
  RemoteCall& operator=(const RemoteCall&) = delete;

  /// An error: the call has ended with it, and nobody has been told.
  Result<void> begin(const dispatch::Invocation& invocation) {
    deadline_ = invocation.context.deadline;
    const WeftCall weft{
        .is_complete = true, .depth = invocation.context.depth, .timeout = time_left(invocation.context.deadline)};
    call_.emplace(endpoint_, static_cast<OutgoingEvents&>(*this),
                  OutgoingCallSpec{.subject = invocation_subject(endpoint_.config().lattice, target_,
                                                                 invocation.interface, invocation.function),
                                   .inbox = endpoint_.inbox(number_),
                                   .headers = call_headers(invocation.context, weft),
                                   .is_complete = true,
                                   .max_value_bytes = endpoint_.config().max_value_bytes,
                                   .detour = detour(endpoint_, target_, invocation.interface, invocation.function)});
    wait_for_accept();
    auto started = call_->start(invocation.params);
    if (!started) {
      (void)leave();
    }
    return started;
  }

 private:
  // Receiver
  void on_message(std::string_view channel, bus::Message message) override {
    call_->receive(channel, std::move(message));
  }
  void on_deadline() override {
    if (call_->is_looking() && Clock::now() < deadline_) {
      return call_->stop_looking();
    }
    const auto delivery = call_->is_accepted() ? Delivery::accepted : Delivery::unknown;
    auto error = timed_out(target_, call_->subject(), delivery);
    call_->cancel();
    leave()->on_error(std::move(error));
  }
  void on_probe() override { call_->probe(); }
  void on_member_lost(Loss loss) override {
    if (!call_->is_accepted()) {
      endpoint_.set_deadline(number_, std::min(deadline_, Clock::now() + time_after(loss)));
    }
  }
  void on_lost(const Error& error) override { leave()->on_error(error); }

  void wait_for_accept() {
    endpoint_.set_deadline(number_, std::min(deadline_, Clock::now() + time_to_accept(endpoint_, *call_)));
  }

  // OutgoingEvents
  void on_sent() override { wait_for_accept(); }
  void on_accepted() override {
    endpoint_.set_deadline(number_, deadline_);
    endpoint_.probe(number_);
  }
  void on_results(std::string results, Nested /*nested*/) override {
    leave()->on_results(std::as_bytes(std::span(results)));
  }
  void on_channel(std::string_view /*path*/, std::string_view /*piece*/) override {}
  void on_failed(Error error, Delivery delivery) override {
    auto told = describe_failure(std::move(error), delivery, target_, call_->subject());
    auto* const handler = leave();
    delivery == Delivery::not_delivered ? handler->on_not_served(std::move(told)) : handler->on_error(std::move(told));
  }

  /// The handler, which may destroy this when it is told.
  dispatch::CallHandler* leave() {
    endpoint_.remove(number_);
    return std::exchange(handler_, nullptr);
  }

  ShardEndpoint& endpoint_;
  std::string target_;
  dispatch::CallHandler* handler_;  ///< null: has been told
  std::uint64_t number_;
  Clock::time_point deadline_;
  std::optional<OutgoingCall> call_;
};

}  // namespace

std::vector<bus::MessageHeader> call_headers(const dispatch::CallContext& context, const WeftCall& call) {
  std::vector<bus::MessageHeader> headers;
  headers.reserve(5);
  const auto add = [&headers](std::string_view name, std::string_view value) {
    headers.push_back({.name = std::string(name), .value = std::string(value)});
  };
  add(kSourceHeader, context.source);
  add(kLinkNameHeader, context.link_name.empty() ? "default" : context.link_name);
  if (!context.trace_parent.empty()) {
    add(kTraceParentHeader, context.trace_parent);
    add(kTraceStateHeader, context.trace_state);
  }
  add(kCallHeader, encode_weft_call(call));
  return headers;
}

std::optional<Detour> detour(const ShardEndpoint& endpoint, std::string_view target, std::string_view interface,
                             std::string_view function) {
  if (!endpoint.silent()) {
    return std::nullopt;
  }
  return Detour{.question = who_subject(endpoint.config().lattice, target),
                .function = function_subject(interface, function),
                .silent = endpoint.silent()};
}

std::chrono::milliseconds time_to_accept(const ShardEndpoint& endpoint, const OutgoingCall& call) {
  if (call.is_looking()) {
    return kLookTime;
  }
  return endpoint.silent() ? time_after(Receiver::Loss::silent) : endpoint.config().accept_timeout;
}

std::chrono::milliseconds time_after(Receiver::Loss loss) noexcept {
  switch (loss) {
    case Receiver::Loss::silent:
      return std::chrono::milliseconds(1'000);
    case Receiver::Loss::gone:
      break;
  }
  return std::chrono::milliseconds(250);
}

std::optional<std::chrono::milliseconds> time_left(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) {
    return std::nullopt;
  }
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()), std::chrono::milliseconds(0));
}

Error describe_failure(Error error, Delivery delivery, const std::string& id, const std::string& subject) {
  if (error.code() == Errc::unavailable && delivery == Delivery::not_delivered) {
    return {Errc::unavailable,
            fmt::format("\"{}\" does not run on any host of the lattice, or does not serve {}", id, subject),
            fmt::format("start it: weft start component <ref> {0} (a provider: weft start provider <ref> {0})", id),
            Blame::operator_};
  }
  return std::move(error).in(fmt::format("calling \"{}\" over the lattice", id));
}

Error timed_out(const std::string& id, const std::string& subject, Delivery delivery) {
  if (delivery == Delivery::accepted) {
    return {Errc::deadline_exceeded, fmt::format("\"{}\" accepted {} and did not answer in time", id, subject),
            "whether it was carried out is not known", Blame::peer};
  }
  return {Errc::deadline_exceeded, fmt::format("nobody accepted {} of \"{}\" in time", subject, id),
          "see that a host which runs it is alive and not at its limit: weft get inventory", Blame::environment};
}

RemoteTarget::RemoteTarget(Endpoint& endpoint, std::string id)
    : endpoint_(endpoint), id_(std::move(id)), http_(endpoint, id_) {}

RemoteTarget::~RemoteTarget() = default;

std::unique_ptr<dispatch::PendingCall> RemoteTarget::invoke(async::Shard& shard, const dispatch::Invocation& invocation,
                                                            dispatch::CallHandler& handler) {
  if (invocation.channels != nullptr || !invocation.result_paths.empty()) {
    return begin_streamed_call(endpoint_.at(shard), id_, invocation, handler);
  }
  auto call = std::make_unique<RemoteCall>(endpoint_.at(shard), id_, handler);
  // Nothing arrives before this turn is over, so it is not told from inside this call.
  if (auto begun = call->begin(invocation); !begun) {
    call.reset();
    handler.on_error(std::move(begun).error());
    return nullptr;
  }
  return call;
}

}  // namespace weft::wrpc
