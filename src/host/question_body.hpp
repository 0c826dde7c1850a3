// SPDX-License-Identifier: Apache-2.0
/// The bodies of those of weft's own questions that have one (see questions.hpp), as values. Pure; any thread.
/// Errors: malformed, naming the member. Limits: kMaxQuestionBytes, kMaxArguments.
#pragma once

#include <weft/host.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::host {

inline constexpr std::size_t kMaxQuestionBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxArguments = 1'000;

/// `{"component","function","arguments"?:[text...],"format"?:"wave"|"json","reference"?}`.
struct CallQuestion {
  std::string component;
  std::string function;  ///< as people write it: the interface's version may be left out
  std::vector<std::string> arguments;
  ValueFormat format = ValueFormat::wave;
  std::string reference = {};  ///< of its code, for a host that does not run it; empty: only who runs it can call it

  bool operator==(const CallQuestion&) const = default;
};
Result<CallQuestion> decode_call_question(std::string_view body);
std::string encode(const CallQuestion& question);

/// `{"component"?,"after"?,"limit"?}`; or a component's id as plain text; or nothing.
struct LogsQuestion {
  std::string component;  ///< empty: every one, and the host
  std::uint64_t after = 0;
  std::uint64_t limit = UINT64_MAX;

  bool operator==(const LogsQuestion&) const = default;
};
Result<LogsQuestion> decode_logs_question(std::string_view body);
std::string encode(const LogsQuestion& question);

}  // namespace weft::host
