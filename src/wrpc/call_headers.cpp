// SPDX-License-Identifier: Apache-2.0
#include "wrpc/call_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "wire/json.hpp"

namespace weft::wrpc {
namespace {

constexpr std::string_view kComplete = "complete";
constexpr std::string_view kDepth = "depth=";
constexpr std::string_view kTimeout = "timeout=";

template <class Number>
bool parse_number(std::string_view text, Number& out) noexcept {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  return fault == std::errc() && end == text.data() + text.size();
}

bool read_part(std::string_view part, WeftCall& call) noexcept {
  if (part == kComplete) {
    call.is_complete = true;
    return true;
  }
  if (part.starts_with(kDepth)) {
    return parse_number(part.substr(kDepth.size()), call.depth);
  }
  if (part.starts_with(kTimeout)) {
    std::uint32_t milliseconds = 0;  // some weeks
    const bool parsed = parse_number(part.substr(kTimeout.size()), milliseconds);
    call.timeout = std::chrono::milliseconds(milliseconds);
    return parsed;
  }
  return true;  // of a later version
}

}  // namespace

std::string encode_weft_call(const WeftCall& call) {
  std::string text(call.is_complete ? "complete;" : "");
  fmt::format_to(std::back_inserter(text), "depth={}", call.depth);
  if (call.timeout) {
    const auto most = std::chrono::milliseconds(UINT32_MAX);
    const auto left = std::clamp(*call.timeout, std::chrono::milliseconds(0), most);
    fmt::format_to(std::back_inserter(text), ";timeout={}", left.count());
  }
  return text;
}

std::optional<WeftCall> decode_weft_call(std::string_view text) noexcept {
  WeftCall call;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    if (!read_part(text.substr(0, end), call)) {
      return std::nullopt;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return call;
}

std::string encode_error(const Error& error) {
  boost::json::object object;
  object["code"] = static_cast<std::uint16_t>(error.code());
  object["blame"] = static_cast<std::uint8_t>(error.blame());
  object["message"] = error.message();
  object["hint"] = error.hint();
  return wire::json_text(object);
}

Error decode_error(std::string_view payload) {
  const auto object = wire::parse_json_object(payload, "error of a call");
  if (!object) {
    return {Errc::malformed, "the call failed, and the host that ran it sent no readable reason", {}, Blame::peer};
  }
  const auto number = [&](std::string_view name, std::int64_t least, std::int64_t most, std::int64_t otherwise) {
    const auto* const value = object->if_contains(wire::to_json(name));
    const auto* const found = value == nullptr ? nullptr : value->if_int64();
    return found != nullptr && *found >= least && *found <= most ? *found : otherwise;
  };
  const auto text = [&](std::string_view name) -> std::string {
    const auto* const value = object->if_contains(wire::to_json(name));
    const auto* const found = value == nullptr ? nullptr : value->if_string();
    return found != nullptr ? std::string(found->data(), found->size()) : std::string();
  };
  const auto code = number("code", static_cast<int>(Errc::internal), static_cast<int>(Errc::refused),
                           static_cast<int>(Errc::internal));
  const auto blame = number("blame", 0, static_cast<int>(Blame::environment), static_cast<int>(Blame::peer));
  auto message = text("message");
  if (message.empty()) {
    message = "the call failed on the host that ran it, which gave no reason";
  }
  return {static_cast<Errc>(code), std::move(message), text("hint"), static_cast<Blame>(blame)};
}

std::size_t header_bytes(const std::vector<bus::MessageHeader>& headers) noexcept {
  if (headers.empty()) {
    return 0;
  }
  std::size_t bytes = 12;  // "NATS/1.0\r\n" and the empty line
  for (const auto& header : headers) {
    bytes += header.name.size() + 2 + header.value.size() + 2;
  }
  return bytes;
}

}  // namespace weft::wrpc
