// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_frame.hpp"

#include <utility>

namespace weft::bus {
namespace {

constexpr std::size_t kLengthBytes = 4;

template <class Number>
void append_number(std::string& out, Number value) {
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> (i * 8))));
  }
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

/// Reads from the front; after the first read past the end everything is zero and empty, and failed() is true.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  Number number() {
    const std::string_view bytes = take(sizeof(Number));
    Number value = 0;
    for (const char byte : bytes) {
      value = static_cast<Number>((value << 8U) | static_cast<unsigned char>(byte));
    }
    return value;
  }
  std::string text() { return std::string(take(number<std::uint32_t>())); }
  std::string rest() { return std::string(take(rest_.size())); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view take(std::size_t count) {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
  bool failed_ = false;
};

std::optional<FrameType> to_type(std::uint8_t number) {
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): this is the check of the range
  switch (static_cast<FrameType>(number)) {
    case FrameType::connect:
    case FrameType::publish:
    case FrameType::request:
    case FrameType::subscribe:
    case FrameType::unsubscribe:
    case FrameType::ping:
    case FrameType::welcome:
    case FrameType::message:
    case FrameType::answer:
    case FrameType::failure:
    case FrameType::pong:
      return static_cast<FrameType>(number);
  }
  return std::nullopt;
}

Error malformed(std::string why) { return {Errc::malformed, std::move(why), {}, Blame::peer}; }

}  // namespace

Result<std::string> encode(const Frame& frame) {
  std::string out(kLengthBytes, '\0');
  append_number(out, static_cast<std::uint8_t>(frame.type));
  append_number(out, frame.code);
  append_number(out, frame.number);
  append_text(out, frame.message.subject);
  append_text(out, frame.message.reply);
  append_text(out, frame.text);
  append_number(out, static_cast<std::uint32_t>(frame.message.headers.size()));
  for (const auto& header : frame.message.headers) {
    append_text(out, header.name);
    append_text(out, header.value);
  }
  out.append(frame.message.payload);
  if (out.size() - kLengthBytes > kMaxFrameBytes) {
    return Error(Errc::resource_exhausted, "a frame of " + std::to_string(out.size()) +
                                               " bytes is too large, the limit is " + std::to_string(kMaxFrameBytes));
  }
  std::string length;
  append_number(length, static_cast<std::uint32_t>(out.size() - kLengthBytes));
  out.replace(0, kLengthBytes, length);
  return out;
}

Result<Frame> decode_frame(std::string_view body) {
  Cursor cursor(body);
  const auto type = to_type(cursor.number<std::uint8_t>());
  if (!type) {
    return malformed("a frame of an unknown type");
  }
  Frame frame{.type = *type, .code = 0, .number = 0, .text = {}, .message = {}};
  frame.code = cursor.number<std::uint16_t>();
  frame.number = cursor.number<std::uint64_t>();
  frame.message.subject = cursor.text();
  frame.message.reply = cursor.text();
  frame.text = cursor.text();
  for (auto left = cursor.number<std::uint32_t>(); left > 0 && !cursor.failed(); --left) {
    auto name = cursor.text();
    frame.message.headers.push_back({.name = std::move(name), .value = cursor.text()});
  }
  frame.message.payload = cursor.rest();
  if (cursor.failed()) {
    return malformed("a frame that ends too early");
  }
  return frame;
}

void FrameReader::feed(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<Frame>> FrameReader::next() {
  const std::string_view waiting = std::string_view(buffer_).substr(begin_);
  if (waiting.size() < kLengthBytes) {
    return std::optional<Frame>();
  }
  const std::size_t length = Cursor(waiting).number<std::uint32_t>();
  if (length > kMaxFrameBytes) {
    return malformed("a frame of " + std::to_string(length) + " bytes is too large, the limit is " +
                     std::to_string(kMaxFrameBytes));
  }
  if (waiting.size() - kLengthBytes < length) {
    return std::optional<Frame>();
  }
  WEFT_TRY(auto frame, decode_frame(waiting.substr(kLengthBytes, length)));
  begin_ += kLengthBytes + length;
  return std::optional<Frame>(std::move(frame));
}

}  // namespace weft::bus
