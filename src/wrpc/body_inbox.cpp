// SPDX-License-Identifier: Apache-2.0
#include "wrpc/body_inbox.hpp"

#include <utility>

namespace weft::wrpc {
namespace {

/// More than any head that a server takes.
constexpr std::size_t kMaxTrailerBytes = std::size_t{256} << 10;

}  // namespace

void BodyInbox::set_whole(std::string body) {
  ready_.set(std::move(body));
  body_ended_ = true;
}

void BodyInbox::set_trailers(Headers trailers) { trailers_ = std::move(trailers); }

void BodyInbox::receive(std::string_view message) {
  if (body_ended_ || error_) {
    return;
  }
  if (message.empty()) {
    body_ended_ = decoder_.may_end();
    if (!body_ended_) {
      break_off(Errc::malformed, "the body breaks off");
    }
    return;
  }
  received_ += message.size();
  while (true) {
    const auto step = decoder_.next(message);
    switch (step.kind) {
      case wire::ByteStreamDecoder::Kind::more:
        return;
      case wire::ByteStreamDecoder::Kind::data:
        if (!ready_.add(step.data)) {
          error_ = ready_.refusal("the body");
          return;
        }
        break;
      case wire::ByteStreamDecoder::Kind::end:
        body_ended_ = true;
        return;
      case wire::ByteStreamDecoder::Kind::fault:
        return break_off(Errc::malformed, "the body is no stream of bytes");
    }
  }
}

void BodyInbox::receive_trailers(std::string_view message) {
  if (trailers_ || error_) {
    return;
  }
  if (message.size() > kMaxTrailerBytes - trailer_bytes_.size()) {
    return break_off(Errc::resource_exhausted, "the trailers are too long");
  }
  trailer_bytes_ += message;
  // A peer that sends them byte by byte shall not have them read from the start each time.
  if (!message.empty() && trailer_bytes_.size() < next_look_) {
    return;
  }
  next_look_ = 2 * trailer_bytes_.size();
  auto decoded = decode_trailers(std::as_bytes(std::span(trailer_bytes_)));
  if (decoded) {
    trailers_ = *std::move(decoded);
  } else if (message.empty()) {
    break_off(Errc::malformed, "the trailers break off");
  }
}

std::string BodyInbox::take() {
  taken_ = received_;
  return ready_.take();
}

void BodyInbox::break_off(Errc code, std::string_view what) {
  error_.emplace(code, std::string(what), std::string(), Blame::peer);
}

}  // namespace weft::wrpc
