// SPDX-License-Identifier: Apache-2.0
#include "web/session_http1.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "web/framing.hpp"
#include "web/shard_server.hpp"

namespace weft::web {
namespace {

constexpr std::size_t kDirectWrite =
    std::size_t{16} * 1024;  ///< pieces from here on are not copied if the socket takes them
constexpr std::size_t kMaxStash = std::size_t{64} * 1024;
constexpr std::size_t kLowWater = std::size_t{64} * 1024;  ///< on_writable when less than this waits to be written
constexpr std::size_t kMinRoom = 512;                      ///< a read into less is not worth it
constexpr std::size_t kMaxLinger = std::size_t{256} * 1024;
constexpr std::size_t kMaxIdleOut = std::size_t{16} * 1024;  ///< an idle connection keeps no larger output buffer

iovec piece_of(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

/// splitmix64: ids that do not show how many requests there were.
std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

std::string_view find_header(const RequestHead& head, std::string_view name) noexcept {
  for (const auto& header : head.headers) {
    if (header.name == name) return header.value;
  }
  return {};
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

bool SessionHttp1::answers_with_body() const noexcept {
  return status_ != 204 && status_ != 304 && request_.method != "HEAD";
}

bool SessionHttp1::send_head(ResponseHead head) {
  if (!can_send() || head_state_ != Head::none) return false;
  const auto verdict = judge_head(head.status, head.headers);
  if (!verdict.valid) return false;
  length_ = verdict.length;
  status_ = head.status;
  head_ = std::move(head);
  head_state_ = Head::held;
  schedule();
  return true;
}

void SessionHttp1::send_body(std::span<const std::byte> piece) {
  if (!can_send()) return;
  if (head_state_ == Head::none) return fail(500, "a body was sent before the head");
  wants_writable_ = true;
  schedule();
  std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
  if (!answers_with_body()) {
    body_out_ += text.size();
    return;
  }
  if (length_ && text.size() > *length_ - body_out_) {
    broken_ = true;
    return;
  }
  body_out_ += text.size();
  if (text.empty()) return;
  if (length_ && body_out_ == *length_) {
    last_byte_ = text.back();
    text.remove_suffix(1);
  }
  if (head_state_ == Head::held) {
    if (!length_ && stash_.size() + text.size() <= kMaxStash) {
      stash_.append(text);
      return;
    }
    write_head(false, false);
  }
  write_piece(text);
}

void SessionHttp1::finish(std::span<const Header> trailers) {
  if (!can_send()) return;
  if (head_state_ == Head::none) return fail(500, "the response was ended before its head");
  schedule();
  if (length_ && answers_with_body() && body_out_ != *length_) {
    broken_ = true;
    return;
  }
  if (head_state_ == Head::held) write_head(true, !trailers.empty());
  if (last_byte_) out_.push_back(*last_byte_);
  if (body_end_ == BodyEnd::chunked) append_last_chunk(out_, trailers);
  finished_ = true;
  flush();
}

void SessionHttp1::respond(unsigned status, std::span<const Header> headers, std::string_view body) {
  if (!can_send() || head_state_ != Head::none) return;
  const auto verdict = judge_head(status, headers);
  if (!verdict.valid) return fail(502, "the response head is not valid");
  schedule();
  status_ = status;
  HeadPlan plan{.end = BodyEnd::length, .length = body.size()};
  if (status == 204 || (status == 304 && !verdict.length)) plan.end = BodyEnd::none;
  if (!answers_with_body() && verdict.length) plan.length = *verdict.length;
  announce_connection(plan, true);
  append_head(out_, status, headers, plan, server_.date());
  head_state_ = Head::written;
  body_end_ = plan.end;
  finished_ = true;
  if (answers_with_body()) {
    body_out_ = body.size();
    write_piece(body);
  }
  flush();
}

void SessionHttp1::fail(unsigned status, std::string_view reason) {
  if (!can_send()) return;
  if (head_state_ == Head::written) {
    broken_ = true;
    schedule();
    return;
  }
  stash_.clear();
  length_.reset();
  last_byte_.reset();
  answer_error(status, reason);
  schedule();
}

void SessionHttp1::answer_error(unsigned status, std::string_view reason) {
  std::string body;
  const auto head = make_error(status, reason, id(), find_header(request_, "accept"), body);
  if (phase_ == Phase::exchange) {
    head_state_ = Head::none;
    respond(head.status, head.headers, body);
    return;
  }
  // The request could not be read, so nothing of it decides how the answer looks.
  status_ = status;
  keep_alive_ = false;
  append_head(out_, head.status, head.headers, {.end = BodyEnd::length, .length = body.size(), .close = true},
              server_.date());
  out_.append(body);
  body_out_ = body.size();
  finished_ = true;
}

void SessionHttp1::refuse(Refusal refusal) {
  responder_.reset();
  keep_alive_ = broken_ = false;
  stash_.clear();
  last_byte_.reset();
  answer_error(refusal.status, refusal.reason);
  end_exchange();
}

std::uint64_t SessionHttp1::body_rest() const noexcept {
  return request_.content_length ? *request_.content_length - parser_.body_bytes() : 0;
}

void SessionHttp1::announce_connection(HeadPlan& plan, bool whole) {
  // A client that still waits for "100 Continue" may or may not send its body now; and a long rest will not be taken
  // in.
  const bool has_rest = whole && !parser_.is_body_done();
  if (has_rest && ((parser_.expects_continue() && !continue_settled_) || body_rest() > kMaxDrain)) keep_alive_ = false;
  if (draining_) keep_alive_ = false;
  plan.close = !keep_alive_;
  plan.keep_alive = keep_alive_ && parser_.is_http_1_0();
}

void SessionHttp1::write_head(bool whole, bool has_trailers) {
  HeadPlan plan;
  const bool has_body = answers_with_body();
  if (status_ == 204) {
    plan.end = BodyEnd::none;
  } else if (length_) {
    plan = {.end = BodyEnd::length, .length = *length_};
  } else if (!has_body) {
    // What the answer to GET would be is known only if the Responder wrote it.
    if (whole && status_ != 304 && body_out_ > 0) plan = {.end = BodyEnd::length, .length = body_out_};
  } else if (whole && !(has_trailers && !parser_.is_http_1_0())) {
    plan = {.end = BodyEnd::length, .length = stash_.size()};
  } else if (parser_.is_http_1_0()) {
    plan.end = BodyEnd::close;
    keep_alive_ = false;
  } else {
    plan.end = BodyEnd::chunked;
  }
  announce_connection(plan, whole);
  append_head(out_, status_, head_.headers, plan, server_.date());
  head_state_ = Head::written;
  body_end_ = has_body ? plan.end : BodyEnd::none;
  if (has_body && !stash_.empty()) write_piece(stash_);
  stash_.clear();
}

void SessionHttp1::write_piece(std::string_view piece) {
  if (piece.empty()) return;
  const bool chunked = body_end_ == BodyEnd::chunked;
  if (chunked) append_chunk_start(out_, piece.size());
  const std::string_view tail = chunked ? "\r\n" : "";
  if (piece.size() >= kDirectWrite && !writing_) return write_directly(piece, tail);
  out_.append(piece).append(tail);
}

void SessionHttp1::write_directly(std::string_view piece, std::string_view tail) {
  const std::array<iovec, 3> pieces = {piece_of(std::string_view(out_).substr(out_sent_)), piece_of(piece),
                                       piece_of(tail)};
  const auto result = stream_->write(pieces);
  if (result.state == WriteResult::State::gone) {
    peer_gone_ = true;
    return;
  }
  auto sent = result.bytes;
  const auto kept = std::min(sent, pending());
  out_sent_ += kept;
  sent -= kept;
  if (pending() == 0) {
    out_.clear();
    out_sent_ = 0;
  }
  const auto of_piece = std::min(sent, piece.size());
  out_.append(piece.substr(of_piece)).append(tail.substr(std::min(sent - of_piece, tail.size())));
}

void SessionHttp1::flush() {
  // A head that promises nothing is a whole message, so it waits for finish().
  if (head_state_ == Head::held && length_ != 0U) write_head(false, false);
  while (pending() > 0 && !writing_ && !peer_gone_) {
    const std::array<iovec, 1> pieces = {piece_of(std::string_view(out_).substr(out_sent_))};
    const auto result = stream_->write(pieces);
    if (result.state == WriteResult::State::gone) {
      peer_gone_ = true;
      schedule();
      return;
    }
    out_sent_ += result.bytes;
    if (result.bytes > 0 && pending() > 0) server_.arm(write_timer_, TimerKind::write);
    if (result.state == WriteResult::State::full) {
      if (!write_timer_.is_armed()) server_.arm(write_timer_, TimerKind::write);
      stream_->wait_writable();
      writing_ = true;
      return;
    }
  }
  if (pending() == 0) {
    write_timer_.disarm();
    out_.clear();
    out_sent_ = 0;
  }
}

// After the answer.

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
