// SPDX-License-Identifier: Apache-2.0
/// Text of guests on its way to a terminal or a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::cli {

/// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 if it begins with none (overlong, surrogate, cut
/// off).
std::size_t utf8_length(std::string_view text) noexcept;

/// What a guest wrote must not move the cursor, forge a log line or recolour the terminal: control characters and stray
/// bytes become "\x1b". Tabs stay.
std::string printable(std::string_view text);

}  // namespace weft::cli
