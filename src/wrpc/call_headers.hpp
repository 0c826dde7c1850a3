// SPDX-License-Identifier: Apache-2.0
/// The headers of a call's first message, and those by which two weft hosts tell each other more than wRPC has words
/// for. Every other peer passes over what it does not know.
///
///   weft-call: "complete;depth=3;timeout=59990"   on the call: who calls is weft. `complete`: all parameters are in
///               this message, and every pending stream or future in them is empty.
///   weft-answer: "results" or "error"             to the caller's inbox itself, without a reply subject: the whole
///               outcome in one message. Only to a caller that is weft.
///   weft-accept: "1"                              on the accept: who serves is weft, so it understands a cancel.
///
/// Pure. Errors: malformed never comes of an unknown header; a weft-call that does not parse counts as none.
/// Source: data-plane facts 1.12; the rest is weft's own (docs/protocol/wrpc.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "bus/message.hpp"

namespace weft::wrpc {

inline constexpr std::string_view kSourceHeader = "source-id";
inline constexpr std::string_view kLinkNameHeader = "link-name";
inline constexpr std::string_view kTraceParentHeader = "traceparent";
inline constexpr std::string_view kTraceStateHeader = "tracestate";
inline constexpr std::string_view kCallHeader = "weft-call";
inline constexpr std::string_view kAnswerHeader = "weft-answer";
inline constexpr std::string_view kAcceptHeader = "weft-accept";

/// What one weft host tells another about a call.
struct WeftCall {
  bool is_complete = false;
  std::uint32_t depth = 0;
  std::optional<std::chrono::milliseconds> timeout = {};  ///< what is left of the caller's time

  friend bool operator==(const WeftCall&, const WeftCall&) = default;
};

std::string encode_weft_call(const WeftCall& call);
std::optional<WeftCall> decode_weft_call(std::string_view text) noexcept;

/// What an error keeps between weft hosts, as JSON: its code, sentence, hint and blame.
std::string encode_error(const Error& error);
/// Whatever the bytes are, an error comes of them.
Error decode_error(std::string_view payload);

/// The bytes that a NATS message needs for its headers. Source: data-plane facts 1.5, step 3.
std::size_t header_bytes(const std::vector<bus::MessageHeader>& headers) noexcept;

}  // namespace weft::wrpc
