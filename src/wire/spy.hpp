// SPDX-License-Identifier: Apache-2.0
/// What `weft spy` asks a host and what the host answers, as JSON (docs/protocol/spy.md). Whoever watches asks again
/// and again: each question carries on the one before it, and a watch that nobody asks for any more ends by itself.
/// Threads: pure functions. Errors: malformed, naming the member and never its value. Limits: kMaxSpyText for a value's
/// text, kMaxSpyWait, and those of wire/json.hpp; more is cut down to them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

namespace weft::wire {

inline constexpr std::size_t kMaxSpyText = std::size_t{64} * 1024;
inline constexpr std::chrono::milliseconds kMaxSpyWait{2'000};

struct SpyQuestion {
  std::string session;                ///< as the host has named it; empty: begin one
  std::uint64_t after = 0;            ///< the number of the last call that has arrived
  std::chrono::milliseconds wait{0};  ///< for a call, if there is none
  bool end = false;                   ///< the session
  // What is watched; said when it begins.
  std::string component;          ///< only calls by it or to it
  std::string interface;          ///< only interfaces that have this in their name
  std::string function;           ///< only functions that have this in their name
  std::size_t text_bytes = 1024;  ///< at most about so many of a value's text

  bool operator==(const SpyQuestion&) const = default;
};
std::string encode(const SpyQuestion& question);
Result<SpyQuestion> decode_spy_question(std::string_view json);

/// Whether both ends of a call are on the host that tells of it.
enum class CallWay : std::uint8_t {
  here,
  out,  ///< the callee is elsewhere
  in,   ///< the caller is elsewhere
};
std::string_view to_text(CallWay way) noexcept;

/// The parameters or results of a call.
struct SpiedValues {
  std::string text;         ///< by their types; b"..." where those are not known
  std::uint64_t bytes = 0;  ///< as they are encoded, without streams
  std::uint64_t streams = 0;

  bool operator==(const SpiedValues&) const = default;
};

struct SpiedHttp {
  std::string method;
  std::string authority;
  std::string path;
  std::uint16_t status = 0;  ///< 0: there was no answer

  bool operator==(const SpiedHttp&) const = default;
};

/// One call that has ended.
struct SpiedCall {
  std::uint64_t number = 0;  ///< of its session, from 1
  std::string time;          ///< of its begin: RFC 3339 UTC
  std::uint64_t nanoseconds = 0;
  CallWay way = CallWay::here;
  std::string source;
  std::string link_name;
  std::string target;
  std::string interface;
  std::string function;
  SpiedValues params;  ///< of HTTP: the request's body, without text
  SpiedValues results;
  std::string error;  ///< empty: it has not failed
  std::optional<SpiedHttp> http;

  bool operator==(const SpiedCall&) const = default;
};

struct SpyAnswer {
  std::string session;
  std::uint64_t dropped = 0;  ///< calls of the session so far that nobody is told of
  std::vector<SpiedCall> calls;

  bool operator==(const SpyAnswer&) const = default;
};
std::string encode(const SpiedCall& call);
/// Of calls that are encoded already.
std::string encode_spy_answer(std::string_view session, std::uint64_t dropped, const std::vector<std::string>& calls);
std::string encode(const SpyAnswer& answer);
Result<SpyAnswer> decode_spy_answer(std::string_view json);

}  // namespace weft::wire
