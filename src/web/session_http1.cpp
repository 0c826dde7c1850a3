// SPDX-License-Identifier: Apache-2.0
#include "web/session_http1.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "web/framing.hpp"
#include "web/shard_server.hpp"

namespace weft::web {
namespace {

constexpr std::size_t kLowWater = std::size_t{64} * 1024;  ///< on_writable when less than this waits to be written
constexpr std::size_t kMinRoom = 512;                      ///< a read into less is not worth it
constexpr std::size_t kMaxLinger = std::size_t{256} * 1024;
constexpr std::size_t kMaxIdleOut = std::size_t{16} * 1024;  ///< an idle connection keeps no larger output buffer

/// splitmix64: ids that do not show how many requests there were.
std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace

SessionHttp1::SessionHttp1(ShardServer& server, std::unique_ptr<Stream> stream, std::string remote, std::uint64_t seed)
    : server_(server), stream_(std::move(stream)), remote_(std::move(remote)), seed_(seed) {}

SessionHttp1::~SessionHttp1() {
  server_.buffers().give(std::move(in_));
  server_.buffers().give(std::move(pinned_));
}

async::Shard& SessionHttp1::shard() noexcept { return server_.shard(); }

std::string SessionHttp1::id() const {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  auto value = mix(seed_ + requests_);
  for (auto& digit : text) {
    digit = digits[value >> 60U];
    value <<= 4U;
  }
  return text;
}

// Events.

void SessionHttp1::start() { drive(); }

void SessionHttp1::drain() {
  draining_ = true;
  if (phase_ == Phase::head && in_.empty()) close();
  drive();
}

void SessionHttp1::abort() {
  if (phase_ == Phase::exchange) {
    disconnect();
  } else {
    close();
  }
  drive();
}

void SessionHttp1::on_read(ReadEnd end, std::size_t bytes) {
  reading_ = false;
  if (end == ReadEnd::data) {
    in_.end += bytes;
  } else {
    (end == ReadEnd::closed ? peer_closed_ : peer_gone_) = true;
  }
  drive();
}

void SessionHttp1::on_stream_writable() {
  writing_ = false;
  drive();
}

void SessionHttp1::on_timer(TimerKind kind) {
  const auto give_up = [this](Refusal refusal) {
    if (phase_ == Phase::exchange && head_state_ != Head::written) {
      if (responder_) responder_->on_disconnect();
      refuse(refusal);
    } else if (phase_ == Phase::exchange) {
      disconnect();
    } else {
      log_access();
      close();
    }
  };
  switch (kind) {
    case TimerKind::header:
      refuse_head({408, "the request did not come in time"});
      break;
    case TimerKind::read:
      give_up({408, "the request body did not come in time"});
      break;
    case TimerKind::request:
      give_up({504, "the request took too long"});
      break;
    case TimerKind::write:
      stream_->reset();
      peer_gone_ = true;
      break;
    case TimerKind::blind:
      peer_gone_ = stream_->peer_left();
      break;
    case TimerKind::idle:
    case TimerKind::linger:
      close();
      break;
  }
  drive();
}

void SessionHttp1::schedule() {
  if (driving_) {
    again_ = true;
  } else if (!posted_) {
    posted_ = true;
    server_.shard().post([this]() noexcept {
      posted_ = false;
      drive();
    });
  }
}

void SessionHttp1::drive() {
  if (driving_) {
    again_ = true;
    return;
  }
  driving_ = true;
  try {
    do {
      again_ = false;
      step();
    } while (again_);
  } catch (const std::exception& error) {
    // Out of memory, most likely. This connection ends; the others are none the wiser.
    static_cast<void>(
        std::fprintf(stderr, "weft: a connection from %s ends on an exception: %s\n", remote_.c_str(), error.what()));
    broken_ = true;
    end_exchange();
    close();
  }
  driving_ = false;
  if (phase_ == Phase::closed && !reading_ && !writing_ && !posted_) server_.remove(*this);
}

void SessionHttp1::step() {
  if (peer_gone_ && phase_ != Phase::exchange && phase_ != Phase::closed) {
    log_access();
    close();
  }
  switch (phase_) {
    case Phase::head:
      step_head();
      break;
    case Phase::exchange:
      step_exchange();
      break;
    case Phase::flush:
      step_flush();
      break;
    case Phase::drain:
      step_drain();
      break;
    case Phase::linger:
      step_linger();
      break;
    case Phase::closed:
      break;
  }
}

// Reading a request.

void SessionHttp1::step_head() {
  // RFC 9112, 2.2: an empty line before a request is passed over.
  while (scanned_ == 0 && std::string_view(in_.unread().data(), in_.unread().size()).starts_with("\r\n"))
    in_.begin += 2;
  const auto bytes = in_.unread();
  if (bytes.empty()) {
    if (peer_closed_ || draining_) return close();
    if (!phase_timer_.is_armed()) arm_phase(TimerKind::idle);
    return read_more_of_head();
  }
  if (scanned_ == 0) {
    if (!can_begin_request(bytes.front())) return refuse_head({400, "this is not HTTP"});
    phase_timer_.disarm();
  }
  const auto scan = scan_head({bytes.data(), bytes.size()}, scanned_);
  const auto limit = server_.limits().max_header_bytes;
  if (scan.state == HeadScan::State::refused) return refuse_head(scan.refusal);
  if (scan.size > limit || (scan.state == HeadScan::State::need_more && bytes.size() >= limit))
    return refuse_head({431, "the head is too large"});
  if (scan.state == HeadScan::State::complete) return begin_exchange(scan.size);
  if (peer_closed_) return close();
  if (!phase_timer_.is_armed()) arm_phase(TimerKind::header);
  read_more_of_head();
}

void SessionHttp1::read_more_of_head() {
  if (reading_) return;
  if (in_.data == nullptr) in_ = server_.buffers().take(kSmallBuffer);
  if (in_.begin > 0 && (in_.empty() || in_.room().size() < kMinRoom)) {
    std::memmove(in_.data.get(), in_.unread().data(), in_.unread().size());
    in_.end -= in_.begin;
    in_.begin = 0;
  }
  if (in_.room().empty()) {
    auto larger = server_.buffers().take(in_.capacity * 4);
    std::memcpy(larger.data.get(), in_.data.get(), in_.end);
    larger.end = in_.end;
    server_.buffers().give(std::exchange(in_, std::move(larger)));
  }
  start_read();
}

void SessionHttp1::start_read() {
  stream_->read(in_.room());
  reading_ = true;
}

void SessionHttp1::count_request() {
  ++requests_;
  logged_ = !server_.logs_access();
  if (!logged_) started_ = std::chrono::steady_clock::now();
}

void SessionHttp1::refuse_head(Refusal refusal) {
  count_request();
  parser_.reset();  // not done, so the connection is not used again
  refuse(refusal);
}

void SessionHttp1::begin_exchange(std::size_t head_size) {
  phase_timer_.disarm();
  count_request();
  const auto bytes = in_.unread().first(head_size);
  in_.begin += head_size;
  window_ = in_.begin;
  parser_.reset();
  const auto refusal = parser_.parse_head(bytes, request_);
  request_.remote_address = remote_;
  if (refusal) return refuse(refusal);
  if (request_.authority.empty()) request_.authority = server_.address();
  if (request_.content_length.value_or(0) > server_.limits().max_body_bytes)
    return refuse({413, "the body is too large"});
  keep_alive_ = parser_.keep_alive() && !draining_;
  phase_ = Phase::exchange;
  again_ = true;
  server_.arm(request_timer_, TimerKind::request);
  in_flight_ = server_.begin_request();
  if (!in_flight_) return answer_error(503, "too many requests at once");
  responder_ = server_.handler().on_request(*this);
  if (responder_) {
    responder_->start();
  } else {
    answer_error(500, "nobody answers this request");
  }
}

// The exchange.

void SessionHttp1::step_exchange() {
  if (finished_) return end_exchange();
  if (peer_gone_ || peer_closed_) return disconnect();
  if (broken_) return break_message();
  if (wants_body_) {
    deliver_body();
    if (again_ || phase_ != Phase::exchange) return;
  }
  if (head_state_ == Head::held || pending() > 0) flush();
  if (peer_gone_) return disconnect();
  if (wants_writable_ && pending() < kLowWater) {
    wants_writable_ = false;
    responder_->on_writable();
    again_ = true;
    return;
  }
  watch_for_disconnect();
}

void SessionHttp1::deliver_body() {
  if (parser_.expects_continue() && !continue_settled_ && head_state_ != Head::written && in_.empty()) {
    continue_settled_ = true;
    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const auto step = parser_.parse_body(in_.unread(), server_.limits().max_body_bytes);
  switch (step.state) {
    case BodyStep::State::need_more:
      in_.begin += step.consumed;
      if (!phase_timer_.is_armed()) arm_phase(TimerKind::read);
      return read_more_of_body();
    case BodyStep::State::piece:
      wants_body_ = false;
      continue_settled_ = true;
      phase_timer_.disarm();
      responder_->on_body(std::as_bytes(std::span(step.piece)));
      break;
    case BodyStep::State::end:
      wants_body_ = false;
      phase_timer_.disarm();
      responder_->on_body_end(parser_.trailers());
      break;
    case BodyStep::State::refused:
      wants_body_ = false;
      if (head_state_ == Head::written) return disconnect();
      responder_->on_disconnect();
      return refuse(step.refusal);
  }
  in_.begin += step.consumed;
  again_ = true;
}

void SessionHttp1::read_more_of_body() {
  if (reading_) return;
  make_room_for_body();
  if (!in_.room().empty()) return start_read();
  // A chunk header or trailer section that fills the whole window.
  if (phase_ != Phase::exchange) return enter_linger();
  if (head_state_ == Head::written) return disconnect();
  if (responder_) responder_->on_disconnect();
  refuse({431, "the trailers are too large"});
}

/// Room for what is still to come of the body, up to half of a large buffer: small pieces cost as much as large ones.
void SessionHttp1::make_room_for_body() {
  if (in_.empty()) in_.begin = in_.end = window_;
  const auto expected = request_.content_length ? body_rest() : std::numeric_limits<std::uint64_t>::max();
  if (in_.room().size() >= std::min<std::uint64_t>(expected, kLargeBuffer / 2)) return;
  const auto rest = in_.unread();
  if (pinned_.data == nullptr && phase_ == Phase::exchange) {
    auto larger = server_.buffers().take(kLargeBuffer);
    std::memcpy(larger.data.get(), rest.data(), rest.size());
    larger.end = rest.size();
    pinned_ = std::exchange(in_, std::move(larger));
    window_ = 0;
  } else if (in_.begin > window_) {
    std::memmove(in_.data.get() + window_, rest.data(), rest.size());
    in_.begin = window_;
    in_.end = window_ + rest.size();
  }
}

std::uint64_t SessionHttp1::body_rest() const noexcept {
  return request_.content_length ? *request_.content_length - parser_.body_bytes() : 0;
}

void SessionHttp1::watch_for_disconnect() {
  if (reading_) return;
  // What comes now is most likely body.
  if (phase_ == Phase::exchange && !parser_.is_body_done()) {
    make_room_for_body();
  } else if (in_.empty()) {
    in_.begin = in_.end = window_;
  }
  if (in_.room().size() >= kMinRoom) return start_read();
  if (!blind_timer_.is_armed()) server_.arm(blind_timer_, TimerKind::blind);
}

void SessionHttp1::end_exchange() {
  responder_.reset();
  if (std::exchange(in_flight_, false)) server_.end_request();
  wants_body_ = wants_writable_ = false;
  phase_timer_.disarm();
  blind_timer_.disarm();
  phase_ = Phase::flush;
  again_ = true;
}

void SessionHttp1::disconnect() {
  broken_ = true;
  if (responder_) responder_->on_disconnect();
  end_exchange();
  log_access();
  close();
}

void SessionHttp1::break_message() {
  keep_alive_ = false;
  // An empty message would look whole; that client sees the connection close without an answer.
  if (head_state_ == Head::held && length_ != 0U) write_head(false, false);
  head_state_ = Head::written;
  end_exchange();
  // Where the end of the connection is the end of the body, only a reset shows that something is missing.
  if (body_end_ == BodyEnd::close) stream_->reset();
}

void SessionHttp1::read_body() {
  if (!can_send()) return;
  wants_body_ = true;
  schedule();
}

// Answering.

void SessionHttp1::step_flush() {
  flush();
  if (peer_gone_) {
    again_ = true;
    return;
  }
  if (pending() > 0) return;
  request_timer_.disarm();
  log_access();
  if (broken_) return close();
  const bool has_rest = !parser_.is_body_done();
  if (has_rest && parser_.expects_continue() && !continue_settled_) keep_alive_ = false;
  if (peer_closed_) return close();
  if (!keep_alive_) return !has_rest && in_.empty() ? close() : enter_linger();
  if (!has_rest) return next_request();
  if (body_rest() > kMaxDrain) return enter_linger();
  lingered_ = 0;
  phase_ = Phase::drain;
  again_ = true;
}

void SessionHttp1::step_drain() {
  const auto step = parser_.parse_body(in_.unread(), server_.limits().max_body_bytes);
  in_.begin += step.consumed;
  lingered_ += step.consumed;
  if (step.state == BodyStep::State::end) return next_request();
  if (step.state == BodyStep::State::refused || lingered_ > kMaxDrain) return enter_linger();
  if (step.state == BodyStep::State::piece) {
    again_ = true;
    return;
  }
  if (peer_closed_) return close();
  if (!phase_timer_.is_armed()) arm_phase(TimerKind::read);
  read_more_of_body();
}

void SessionHttp1::next_request() {
  phase_timer_.disarm();
  if (pinned_.data != nullptr) server_.buffers().give(std::exchange(pinned_, {}));
  if (in_.empty() && !reading_) {
    if (in_.capacity > kSmallBuffer) server_.buffers().give(std::exchange(in_, {}));
    in_.begin = in_.end = 0;
  }
  window_ = scanned_ = lingered_ = 0;
  if (out_.capacity() > kMaxIdleOut) std::string().swap(out_);
  if (stash_.capacity() > kMaxIdleOut) std::string().swap(stash_);
  request_.method = request_.authority = request_.path_and_query = {};
  request_.headers.clear();
  length_.reset();
  last_byte_.reset();
  body_out_ = 0;
  status_ = 0;
  body_end_ = BodyEnd::none;
  head_state_ = Head::none;
  continue_settled_ = finished_ = broken_ = false;
  phase_ = Phase::head;
  again_ = true;
}

void SessionHttp1::enter_linger() {
  // Closing while the client is still sending would reset the connection and might destroy the answer before it is
  // read.
  phase_ = Phase::linger;
  lingered_ = 0;
  stream_->shutdown_write();
  arm_phase(TimerKind::linger);
  again_ = true;
}

void SessionHttp1::step_linger() {
  lingered_ += in_.unread().size();
  in_.begin = in_.end;
  if (peer_closed_ || lingered_ > kMaxLinger) return close();
  if (reading_) return;
  in_.begin = in_.end = 0;
  start_read();
}

void SessionHttp1::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  phase_timer_.disarm();
  write_timer_.disarm();
  request_timer_.disarm();
  blind_timer_.disarm();
  stream_->close();
}

void SessionHttp1::arm_phase(TimerKind kind) { server_.arm(phase_timer_, kind); }

void SessionHttp1::log_access() {
  if (std::exchange(logged_, true)) return;
  const auto now = std::chrono::steady_clock::now();
  const auto request_id = id();
  server_.log_access({.id = request_id,
                      .remote = remote_,
                      .method = request_.method.empty() ? "-" : request_.method,
                      .target = request_.path_and_query.empty() ? "-" : request_.path_and_query,
                      .status = status_,
                      .bytes_in = parser_.body_bytes(),
                      .bytes_out = body_out_,
                      .duration = std::chrono::duration_cast<std::chrono::microseconds>(now - started_),
                      .complete = finished_ && !broken_ && pending() == 0});
}

}  // namespace weft::web
