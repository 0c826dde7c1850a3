// SPDX-License-Identifier: Apache-2.0
#include "engine/outgoing_http.hpp"

#include <algorithm>
#include <utility>

#include "engine/c_border.hpp"

namespace weft::engine {
namespace {

constexpr std::uint32_t kConnectionTerminated = 7;
constexpr std::uint32_t kHttpRequestDenied = 15;

}  // namespace

std::unique_ptr<OutgoingHttp> OutgoingHttp::take(Call& call, std::uint64_t token) {
  weft_outgoing_request raw{};
  const bool taken = weft_call_http_request(call.handle_.get(), token, &raw);
  call.wake_if_woken();
  if (!taken) {
    return nullptr;
  }
  std::unique_ptr<OutgoingHttp> request(new OutgoingHttp(call, token));
  auto& head = request->head_;
  head.method = to_text(raw.method);
  head.scheme = to_text(raw.scheme);
  head.authority = to_text(raw.authority);
  head.path_and_query = to_text(raw.path_and_query);
  head.headers.reserve(raw.header_count);
  for (const auto& header : std::span(raw.headers, raw.header_count)) {
    head.headers.emplace_back(to_text(header.name), to_text(header.value));
  }
  const auto nanos = [](std::uint64_t value) {
    return std::chrono::nanoseconds(std::min<std::uint64_t>(value, INT64_MAX));
  };
  head.connect_timeout = nanos(raw.connect_timeout_nanos);
  head.first_byte_timeout = nanos(raw.first_byte_timeout_nanos);
  head.between_bytes_timeout = nanos(raw.between_bytes_timeout_nanos);
  head.has_body = raw.has_body;
  call.outgoing_.push_back(request.get());
  return request;
}

OutgoingHttp::~OutgoingHttp() {
  fail(head_given_ ? kConnectionTerminated : kHttpRequestDenied, "the request was not answered");
}

BodyPiece OutgoingHttp::next_body() {
  if (call_ == nullptr) {
    return {BodyState::failed, {}, {}};
  }
  weft_bytes data{};
  const weft_header* trailers = nullptr;
  std::size_t count = 0;
  const auto state = weft_call_http_body_next(call_->handle_.get(), token_, &data, &trailers, &count);
  call_->wake_if_woken();
  body_pending_ = state == WEFT_BODY_PENDING;
  return from_c(state, data, trailers, count);
}

bool OutgoingHttp::send_head(std::uint16_t status, std::span<const HeaderRef> headers) {
  if (call_ == nullptr) {
    return true;
  }
  const auto raw = to_c(headers);
  head_given_ = weft_call_http_head(call_->handle_.get(), token_, status, raw.data(), raw.size());
  return head_given_;
}

void OutgoingHttp::push_body(std::span<const std::byte> piece) {
  if (call_ != nullptr) {
    weft_call_http_body_push(call_->handle_.get(), token_, to_c(piece));
  }
}

void OutgoingHttp::end_body(std::span<const HeaderRef> trailers) {
  if (call_ != nullptr) {
    const auto raw = to_c(trailers);
    weft_call_http_body_end(call_->handle_.get(), token_, raw.data(), raw.size());
    close();
  }
}

void OutgoingHttp::fail(std::uint32_t error, std::string_view text) {
  if (call_ != nullptr) {
    weft_call_http_fail(call_->handle_.get(), token_, error, to_c(text));
    close();
  }
}

void OutgoingHttp::close() noexcept { std::erase(std::exchange(call_, nullptr)->outgoing_, this); }

// The part of a Call that deals in them.

void CallEvents::on_http(std::unique_ptr<OutgoingHttp> request) { request.reset(); }

void Call::tell_outgoing(std::uint32_t flags) {
  std::uint64_t token = 0;
  const auto find = [&]() -> OutgoingHttp* {
    const auto found = std::ranges::find(outgoing_, token, &OutgoingHttp::token_);
    return found == outgoing_.end() ? nullptr : *found;
  };
  while ((flags & WEFT_CALL_HTTP) != 0) {
    const auto event = weft_call_next_http(handle_.get(), &token);
    if (event == WEFT_HTTP_NONE) {
      break;
    }
    if (event == WEFT_HTTP_REQUEST) {
      if (auto request = OutgoingHttp::take(*this, token)) {
        events_.on_http(std::move(request));
      }
      continue;
    }
    auto* const request = find();
    if (request == nullptr) {
      continue;
    }
    if (event == WEFT_HTTP_CANCELLED) {
      request->close();
    }
    if (request->events_ != nullptr) {
      event == WEFT_HTTP_CANCELLED ? request->events_->on_cancelled() : request->events_->on_wants_body();
    }
  }
  if ((flags & WEFT_CALL_DONE) != 0) {
    return end_outgoing();
  }
  std::vector<std::uint64_t> waiting;
  for (const auto* request : outgoing_) {
    if (request->body_pending_) {
      waiting.push_back(request->token_);
    }
  }
  for (const auto one : waiting) {
    token = one;
    if (auto* const request = find(); request != nullptr && request->events_ != nullptr) {
      request->events_->on_body_ready();
    }
  }
}

void Call::end_outgoing() {
  while (!outgoing_.empty()) {
    auto* const request = outgoing_.back();
    request->close();
    if (request->events_ != nullptr) {
      request->events_->on_cancelled();
    }
  }
}

}  // namespace weft::engine
