// SPDX-License-Identifier: Apache-2.0
// The half of a session that writes: what a Responder says through Exchange, and how it becomes bytes. What reads, and
// the states, are in session_http1.cpp.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "web/framing.hpp"
#include "web/session_http1.hpp"
#include "web/shard_server.hpp"

namespace weft::web {
namespace {

constexpr std::size_t kDirectWrite =
    std::size_t{16} * 1024;  ///< pieces from here on are not copied if the socket takes them
constexpr std::size_t kMaxStash = std::size_t{64} * 1024;

iovec piece_of(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

std::string_view find_header(const RequestHead& head, std::string_view name) noexcept {
  for (const auto& header : head.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

}  // namespace

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

}  // namespace weft::web
