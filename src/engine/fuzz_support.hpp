// SPDX-License-Identifier: Apache-2.0
/// For the fuzzers of the engine: how a find is told, and what a run is known by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include <weft/error.hpp>

namespace weft::engine {

[[noreturn]] inline void give_up(std::string_view what, const Error& error) {
  static_cast<void>(std::fprintf(stderr, "%.*s: %s\n%s\n", static_cast<int>(what.size()), what.data(),
                                 error.to_string().c_str(), error.detail().c_str()));
  std::abort();
}

/// The Rust half is not instrumented, so the fuzzer would see no difference between inputs: what came out of one is
/// counted as coverage instead. libFuzzer clears them before each run.
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] static std::uint8_t outcomes[1 << 14];

/// The same text with other numbers and letters in it counts as the same.
inline void mark(std::string_view name, std::string_view text) {
  constexpr std::size_t kMostMarks = 24;
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](char c) { hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3; };
  std::ranges::for_each(name, add);
  std::size_t marks = 0;
  for (const char c : text) {
    const bool counts = c < '0' || (c > '9' && c < 'a') || c > 'z';
    if (counts && marks++ < kMostMarks) add(c);
  }
  outcomes[hash % std::size(outcomes)] = 1;
}

/// An error's message tells which check refused it, so its letters count; a success has none.
inline void mark_outcome(std::string_view name, std::string_view message) {
  std::string letters(name);
  std::ranges::copy_if(message, std::back_inserter(letters), [](char c) { return c < '0' || c > '9'; });
  mark(letters, {});
}

}  // namespace weft::engine
