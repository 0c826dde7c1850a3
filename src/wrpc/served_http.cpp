// SPDX-License-Identifier: Apache-2.0
#include "wrpc/served_http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "web/framing.hpp"
#include "web/response_writer.hpp"
#include "wire/byte_stream.hpp"
#include "wrpc/call_headers.hpp"

namespace weft::wrpc {
namespace {

using Clock = ShardEndpoint::Clock;

/// What may be kept back of a body before it is sent in pieces.
constexpr std::size_t kMaxKeptBack = std::size_t{256} << 10;

/// A target that could be sent on: what a server in front of a component lets through.
bool is_target(std::string_view path) noexcept {
  return (path == "*" || path.starts_with('/') || path.starts_with('?')) &&
         std::ranges::none_of(path, [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f || c == '#'; });
}

/// What a failure is between weft hosts that HTTP has but a number for.
Errc code_of(unsigned status) {
  switch (status) {
    case 503:
      return Errc::resource_exhausted;
    case 504:
      return Errc::deadline_exceeded;
    case 502:
      return Errc::malformed;
    default:
      return Errc::trap;
  }
}

}  // namespace

ServedHttp::ServedHttp(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target, Side side,
                       bus::Message message)
    : ServedCall(endpoint, owner, std::move(target), std::move(message)),
      side_(side),
      id_(call().caller_inbox()),
      body_(endpoint.backlog()),
      window_(call().weft().has_value()),
      turn_(std::make_shared<Turn>(this)) {}

ServedHttp::~ServedHttp() {
  turn_->self = nullptr;
  close_exchange();
}

void ServedHttp::close_exchange() {
  answered_ = true;
  auto responder = std::exchange(responder_, nullptr);
  // A guest that has answered may go on with what it does besides.
  if (responder && !finished_) {
    responder->on_disconnect();
  }
}

web::HttpCaller ServedHttp::caller() const noexcept {
  return {.source = call().header(kSourceHeader),
          .link_name = call().header(kLinkNameHeader),
          .sends_out = side_ == Side::outgoing};
}

void ServedHttp::on_params(std::string params) {
  stop_waiting();
  auto decoded = decode_request(std::as_bytes(std::span(params)), side_ == Side::outgoing);
  if (!decoded) {
    fail(std::move(decoded).error().in("reading the request"));
    return end();
  }
  show(*std::move(decoded));
}

void ServedHttp::show(HttpRequestValue request) {
  value_ = std::move(request);
  head_.method = value_.method;
  head_.scheme = value_.scheme.empty() ? "http" : std::string_view(value_.scheme);
  head_.path_and_query = value_.path_and_query.empty() ? "/" : std::string_view(value_.path_and_query);
  head_.authority = value_.authority;
  head_.timeouts = value_.timeouts;
  head_.depth = call().weft() ? call().weft()->depth : 0;
  if (!web::is_token(head_.method)) {
    return fault(web::HttpFault::http_request_method_invalid, "the method is not valid");
  }
  for (const auto& [name, value] : value_.headers) {
    if (!web::is_token(name) || !web::is_field_value(value)) {
      return fault(web::HttpFault::http_protocol_error, "the request has a header that is not valid HTTP");
    }
    if (web::is_hop_by_hop(name)) {
      continue;  // of a connection that ended before the lattice
    }
    head_.headers.push_back({.name = name, .value = value});
    if (name == "host" && head_.authority.empty()) {
      head_.authority = value;
    } else if (name == "content-length") {
      head_.content_length = web::parse_length(value);
    }
  }
  if (!is_target(head_.path_and_query) || (!head_.authority.empty() && !web::is_authority(head_.authority))) {
    return fault(web::HttpFault::http_request_uri_invalid, "the address is not valid");
  }
  // What the call brings of the trace counts, whoever wrote the request.
  for (const auto name : {kTraceParentHeader, kTraceStateHeader}) {
    const auto value = call().header(name);
    if (!value.empty() && std::ranges::none_of(head_.headers, [name](const auto& h) { return h.name == name; })) {
      head_.headers.push_back({.name = name, .value = value});
    }
  }
  if (call().has_no_nested() || value_.body) {
    body_.set_whole(value_.body.value_or(std::string()));
  }
  if (call().has_no_nested() || value_.trailers) {
    body_.set_trailers(value_.trailers.value_or(Headers()));
  }
  head_.has_body = !call().has_no_nested();
  auto* const handler = target().http();
  responder_ = handler == nullptr ? nullptr : handler->on_request(*this);
  if (responder_ == nullptr) {
    return fault(web::HttpFault::internal_error, fmt::format("\"{}\" takes no HTTP requests", target().id()));
  }
  responder_->start();
}

void ServedHttp::on_begun() {
  if (!answered_) {
    schedule();
  }
}

void ServedHttp::on_channel(std::string_view path, std::string_view piece) {
  if (path == kBodyPath) {
    body_.receive(piece);
  } else if (path == kTrailersPath) {
    body_.receive_trailers(piece);
  }
  if (wants_body_) {
    schedule();
  }
}

void ServedHttp::on_taken(const Taken& taken) {
  if (taken.path == kBodyPath && taken.bytes) {
    window_.acknowledge(*taken.bytes);
    if (!out_.empty()) {
      schedule();
    }
  }
}

void ServedHttp::on_gone(Error error) {
  close_exchange();
  ServedCall::on_gone(std::move(error));
}

void ServedHttp::fail(const Error& error) {
  if (answered_) {
    return;
  }
  answered_ = true;
  if (!head_sent_) {
    (void)call().fail(error);
    return;
  }
  // The caller shall not take what it has for everything.
  (void)call().send(kBodyPath, wire::kBrokenChunk);
  (void)call().finish(kBodyPath);
  (void)call().finish(kTrailersPath);
}

/// Work of the next turn, so that the responder is never called from inside its own call.
void ServedHttp::schedule() {
  if (!std::exchange(posted_, true)) {
    shard().post([turn = turn_]() noexcept {
      if (auto* const self = turn->self) {
        self->posted_ = false;
        self->run([self] { self->take_turn(); });
      }
    });
  }
}

void ServedHttp::take_turn() {
  if (!answered_) {
    flush();
  }
  if (wants_body_ && !answered_) {
    deliver_body();
  }
  if (wants_writable_ && !answered_ && out_.empty()) {
    wants_writable_ = false;
    responder_->on_writable();
  }
  if (responder_ != nullptr) {
    set_deadline();
  }
  if (answered_ && !posted_) {
    end();
  }
}

/// For the caller, where it is waited for: to send more of the request, or to take more of the response.
void ServedHttp::set_deadline() {
  const bool waits = wants_body_ || (head_sent_ && !out_.empty());
  waits ? wait_at_most(endpoint().config().body_timeout) : stop_waiting();
}

void ServedHttp::deliver_body() {
  if (auto piece = body_.take(); !piece.empty()) {
    wants_body_ = false;
    if (const auto taken = body_.news()) {
      // Who cannot be told has lost the connection, and knows.
      (void)call().acknowledge({.path = kBodyPath, .bytes = taken});
    }
    return responder_->on_body(std::as_bytes(std::span(piece)));
  }
  if (body_.is_broken()) {
    fail(body_.error());
    return;
  }
  if (body_.is_whole()) {
    wants_body_ = false;
    std::vector<web::HeaderView> trailers;
    for (const auto& [name, value] : body_.trailers()) {
      if (!web::is_token(name) || !web::is_field_value(value)) {
        continue;  // as servers do that cannot refuse any more
      }
      trailers.push_back({.name = name, .value = value});
    }
    responder_->on_body_end(trailers);
  }
}

void ServedHttp::read_body() {
  if (!answered_) {
    wants_body_ = true;
    schedule();
  }
}

bool ServedHttp::send_head(web::ResponseHead head) {
  if (answered_ || response_ || head_sent_ || !web::judge_head(head.status, head.headers).valid) {
    return false;
  }
  response_ = std::move(head);
  schedule();
  return true;
}

void ServedHttp::send_body(std::span<const std::byte> piece) {
  if (answered_ || finished_) {
    return;
  }
  if (!response_ && !head_sent_) {
    return fault(web::HttpFault::internal_error, "a body was sent before the head");
  }
  out_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  wants_writable_ = true;
  schedule();
}

void ServedHttp::finish(std::span<const web::Header> trailers) {
  if (answered_ || finished_) {
    return;
  }
  if (!response_ && !head_sent_) {
    return fault(web::HttpFault::internal_error, "the response was ended before its head");
  }
  trailers_.assign(trailers.begin(), trailers.end());
  finished_ = true;
  flush();
  schedule();
}

void ServedHttp::respond(unsigned status, std::span<const web::Header> headers, std::string_view body) {
  if (!send_head({.status = status, .headers = {headers.begin(), headers.end()}})) {
    return fault(web::HttpFault::internal_error, "the response head is not valid");
  }
  if (!body.empty()) {
    send_body(std::as_bytes(std::span(body)));
  }
  finish({});
}

void ServedHttp::fail(unsigned status, std::string_view reason) {
  // What it does after it has given everything does not change that.
  if (!finished_) {
    fail(Error(code_of(status), std::string(reason), std::string(), Blame::peer));
    schedule();
  }
}

void ServedHttp::fault(web::HttpFault fault, std::string_view reason) {
  if (head_sent_ || answered_) {
    return fail(502, reason);
  }
  answered_ = true;
  (void)call().answer(encode_fault(fault, reason));
  schedule();
}

/// Sends what is kept back: all in one where it is all.
void ServedHttp::flush() {
  if (answered_) {
    return;
  }
  if (!response_ && !head_sent_) {
    // Nothing yet: the caller hears at least that somebody has the call.
    (void)call().settle();
    return;
  }
  if (!head_sent_ && finished_ && trailers_.empty() && call().weft() && out_.size() <= kMaxKeptBack) {
    answered_ = true;
    (void)call().answer(encode_response(*response_, out_),
                        out_.empty() ? std::span(&kBodyPath, 1) : std::span<const std::string_view>());
    return;
  }
  if (!head_sent_) {
    head_sent_ = true;
    (void)call().begin_answer(encode_response(*response_));
    response_.reset();
  }
  if (send_kept() && finished_) {
    answered_ = true;
    (void)call().send(kBodyPath, wire::kStreamEnd);
    (void)call().finish(kBodyPath);
    (void)call().send(kTrailersPath, encode_trailers(std::span<const web::Header>(trailers_)));
    (void)call().finish(kTrailersPath);
  }
}

/// No faster than the caller takes it. True: nothing is left.
bool ServedHttp::send_kept() {
  std::size_t sent = 0;
  while (sent < out_.size() && window_.is_open()) {
    const auto piece = std::as_bytes(std::span(out_)).subspan(sent, std::min(out_.size() - sent, kMaxKeptBack));
    const auto chunk = wire::encode_chunk(piece);
    window_.send(chunk.size());
    (void)call().send(kBodyPath, chunk);
    sent += piece.size();
  }
  out_.erase(0, sent);
  return out_.empty();
}

}  // namespace weft::wrpc
