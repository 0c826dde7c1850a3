// SPDX-License-Identifier: Apache-2.0
#include "wrpc/remote_http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "wire/byte_stream.hpp"
#include "wrpc/body_inbox.hpp"
#include "wrpc/call_headers.hpp"
#include "wrpc/http_values.hpp"
#include "wrpc/outgoing_call.hpp"
#include "wrpc/remote_target.hpp"
#include "wrpc/subjects.hpp"
#include "wrpc/window.hpp"

namespace weft::wrpc {
namespace {

using Clock = ShardEndpoint::Clock;

/// For what a request does not say itself. Source: data-plane facts 5.3.
constexpr std::chrono::seconds kDefaultTimeout{600};

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::unavailable:
    case Errc::resource_exhausted:
    case Errc::not_found:
    case Errc::cancelled:
      return 503;
    case Errc::deadline_exceeded:
      return 504;
    case Errc::malformed:
    case Errc::type_mismatch:
    case Errc::unsupported:
      return 502;
    case Errc::internal:
    case Errc::invalid_argument:
    case Errc::already_exists:
    case Errc::permission_denied:
    case Errc::not_granted:
    case Errc::trap:
    case Errc::guest_exit:
    case Errc::io:
    case Errc::conflict:
    case Errc::refused:
      return 500;
  }
  return 500;
}

class RemoteResponder final : public web::Responder, private Receiver, private OutgoingEvents {
 public:
  RemoteResponder(ShardEndpoint& endpoint, const std::string& target, web::Exchange& exchange)
      : endpoint_(endpoint),
        target_(target),
        exchange_(exchange),
        number_(endpoint.add(*this)),
        body_(endpoint.backlog()) {}
  ~RemoteResponder() override { leave(); }
  RemoteResponder(const RemoteResponder&) = delete;
  RemoteResponder& operator=(const RemoteResponder&) = delete;

  // web::Responder
  void start() override;
  void on_body(std::span<const std::byte> piece) override;
  void on_body_end(std::span<const web::HeaderView> trailers) override;
  void on_writable() override;
  void on_disconnect() override { leave(); }

 private:
  // Receiver
  void on_message(std::string_view channel, bus::Message message) override {
    call_->receive(channel, std::move(message));
  }
  void on_deadline() override;
  void on_member_lost(Loss loss) override;
  void on_probe() override { call_->probe(); }
  void on_lost(const Error& error) override { fail(error, status_of(error.code())); }
  // OutgoingEvents
  void on_sent() override { wait_for_accept(); }
  void on_accepted() override;
  void on_results(std::string results, Nested nested) override;
  void on_channel(std::string_view path, std::string_view piece) override;
  void on_taken(const Taken& taken) override;
  void on_failed(Error error, Delivery delivery) override;

  void wait_for_accept();
  void begin_response(HttpResponseValue response, Nested nested);
  void read_more();
  void pump();
  void await_piece();
  void check(const Result<void>& sent);
  void fail(const Error& error, unsigned status);
  void leave() noexcept;

  ShardEndpoint& endpoint_;
  const std::string& target_;
  web::Exchange& exchange_;
  std::uint64_t number_;
  std::optional<OutgoingCall> call_;
  std::optional<SendWindow> window_;  ///< of the request's body
  bool is_full_ = false;              ///< no more of it is read
  BodyInbox body_;
  bool over_ = false;  ///< nothing of the exchange or the endpoint is used any more
  bool has_head_ = false;
  bool sending_ = false;  ///< a piece is with the exchange
};

void RemoteResponder::start() {
  const auto caller = exchange_.caller();
  const auto& head = exchange_.request();
  dispatch::CallContext context{.source = caller.source, .link_name = caller.link_name};
  for (const auto& header : head.headers) {
    if (header.name == kTraceParentHeader) {
      context.trace_parent = header.value;
    } else if (header.name == kTraceStateHeader) {
      context.trace_state = header.value;
    }
  }
  const bool is_complete = !head.has_body;
  const auto interface = caller.sends_out ? kOutgoingHandler : kIncomingHandler;
  call_.emplace(endpoint_, static_cast<OutgoingEvents&>(*this),
                OutgoingCallSpec{.subject = invocation_subject(endpoint_.config().lattice, target_, interface, kHandle),
                                 .inbox = endpoint_.inbox(number_),
                                 .headers = call_headers(context, {.is_complete = is_complete, .depth = head.depth}),
                                 .pending = {kHttpPaths[0], kHttpPaths[1]},
                                 .is_complete = is_complete,
                                 .max_value_bytes = endpoint_.config().max_value_bytes,
                                 .detour = detour(endpoint_, target_, interface, kHandle)});
  wait_for_accept();
  const auto params = encode_request(head, caller.sends_out);
  if (const auto started = call_->start(std::as_bytes(std::span(params))); !started) {
    fail(started.error(), 503);
  }
}

void RemoteResponder::on_accepted() {
  endpoint_.probe(number_);
  const auto wait = exchange_.request().timeouts.first_byte.value_or(kDefaultTimeout);
  endpoint_.set_deadline(number_, Clock::now() + std::min<std::chrono::nanoseconds>(wait, kDefaultTimeout));
  window_.emplace(call_->peer_is_weft());
  if (exchange_.request().has_body) {
    exchange_.read_body();
  }
}

void RemoteResponder::on_body(std::span<const std::byte> piece) {
  if (over_) {
    return;
  }
  if (!piece.empty()) {
    const auto chunk = wire::encode_chunk(piece);
    window_->send(chunk.size());
    check(call_->send(kBodyPath, chunk));
  }
  if (!over_) {
    read_more();
  }
}

/// No faster than who serves takes it.
void RemoteResponder::read_more() {
  is_full_ = !window_->is_open();
  if (!is_full_) {
    exchange_.read_body();
  }
}

void RemoteResponder::on_taken(const Taken& taken) {
  if (taken.path == kBodyPath && taken.bytes && window_) {
    window_->acknowledge(*taken.bytes);
    if (is_full_) {
      read_more();
    }
  }
}

void RemoteResponder::on_body_end(std::span<const web::HeaderView> trailers) {
  if (over_) {
    return;
  }
  const auto end = [this, &trailers]() -> Result<void> {
    WEFT_CHECK(call_->send(kBodyPath, wire::kStreamEnd));
    WEFT_CHECK(call_->finish(kBodyPath));
    WEFT_CHECK(call_->send(kTrailersPath, encode_trailers(trailers)));
    return call_->finish(kTrailersPath);
  };
  check(end());
}

void RemoteResponder::check(const Result<void>& sent) {
  if (!sent) {
    fail(sent.error(), 502);
  }
}

void RemoteResponder::wait_for_accept() {
  endpoint_.set_deadline(number_, Clock::now() + time_to_accept(endpoint_, *call_));
}

void RemoteResponder::on_member_lost(Loss loss) {
  if (!call_->is_accepted()) {
    endpoint_.set_deadline(number_, Clock::now() + time_after(loss));
  }
}

void RemoteResponder::on_deadline() {
  if (call_->is_looking()) {
    return call_->stop_looking();
  }
  if (has_head_) {
    return fail(Error(Errc::deadline_exceeded, fmt::format("\"{}\" stopped in the middle of its response", target_),
                      "it may be overloaded or gone", Blame::peer),
                504);
  }
  const auto delivery = call_->is_accepted() ? Delivery::accepted : Delivery::unknown;
  fail(timed_out(target_, call_->subject(), delivery), 504);
}

void RemoteResponder::on_failed(Error error, Delivery delivery) {
  const auto status = status_of(error.code());
  fail(describe_failure(std::move(error), delivery, target_, call_->subject()), status);
}

void RemoteResponder::on_results(std::string results, Nested nested) {
  endpoint_.set_deadline(number_, Clock::time_point::max());
  if (results.empty()) {
    return fail(Error(Errc::refused, fmt::format("\"{}\" failed and did not say why", target_),
                      "the log of the host that runs it knows", Blame::peer),
                500);
  }
  auto decoded = decode_response(std::as_bytes(std::span(results)));
  if (!decoded) {
    return fail(std::move(decoded).error().in(fmt::format("reading the response of \"{}\"", target_)), 502);
  }
  if (const auto* const fault = std::get_if<HttpFaultValue>(&*decoded)) {
    leave();
    return exchange_.fault(fault->fault, fault->reason.empty() ? web::to_string(fault->fault) : fault->reason);
  }
  begin_response(std::get<HttpResponseValue>(*std::move(decoded)), nested);
}

void RemoteResponder::begin_response(HttpResponseValue response, Nested nested) {
  if (nested == Nested::empty || response.body) {
    body_.set_whole(response.body.value_or(std::string()));
  }
  if (nested == Nested::empty || response.trailers) {
    body_.set_trailers(response.trailers.value_or(Headers()));
  }
  if (!exchange_.send_head({.status = response.status, .headers = std::move(response.headers)})) {
    return fail(Error(Errc::malformed, fmt::format("\"{}\" answered with a head that is not valid HTTP", target_), {},
                      Blame::peer),
                502);
  }
  has_head_ = true;
  pump();
}

void RemoteResponder::on_channel(std::string_view path, std::string_view piece) {
  if (path == kBodyPath) {
    body_.receive(piece);
  } else if (path == kTrailersPath) {
    body_.receive_trailers(piece);
  }
  if (has_head_ && !over_) {
    pump();
  }
}

/// Gives the exchange what there is, a piece at a time.
void RemoteResponder::pump() {
  if (sending_) {
    return;
  }
  if (auto piece = body_.take(); !piece.empty()) {
    sending_ = true;
    endpoint_.set_deadline(number_, Clock::time_point::max());  // it waits for nobody but its own client
    if (const auto taken = body_.news()) {
      // Who cannot be told has lost the connection, and knows.
      (void)call_->acknowledge({.path = kBodyPath, .bytes = taken});
    }
    return exchange_.send_body(std::as_bytes(std::span(piece)));
  }
  if (body_.is_broken()) {
    return fail(body_.error(), 502);
  }
  if (body_.is_whole()) {
    leave();
    return exchange_.finish(body_.trailers());
  }
  await_piece();
}

void RemoteResponder::await_piece() {
  const auto most = std::chrono::nanoseconds(endpoint_.config().body_timeout);
  const auto wait = exchange_.request().timeouts.between_bytes.value_or(most);
  endpoint_.set_deadline(number_, Clock::now() + std::min(wait, most));
}

void RemoteResponder::on_writable() {
  sending_ = false;
  if (!over_) {
    pump();
  }
}

void RemoteResponder::fail(const Error& error, unsigned status) {
  if (over_) {
    return;
  }
  leave();
  exchange_.fail(status, error.to_string());
}

void RemoteResponder::leave() noexcept {
  if (!std::exchange(over_, true)) {
    if (call_ && !body_.is_whole()) {
      call_->cancel();
    }
    endpoint_.remove(number_);
  }
}

}  // namespace

std::unique_ptr<web::Responder> RemoteHttp::on_request(web::Exchange& exchange) {
  return std::make_unique<RemoteResponder>(endpoint_.at(exchange.shard()), target_, exchange);
}

}  // namespace weft::wrpc
