// SPDX-License-Identifier: Apache-2.0
/// Bytes as text in the alphabet of URLs (RFC 4648 section 5). Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::wire {

/// Whether '=' fills the last four digits.
enum class Padding : std::uint8_t { none, full };

[[nodiscard]] std::string to_base64url(std::string_view bytes, Padding padding);
/// Nothing for what is none; it must be padded as `padding` says.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text, Padding padding);

}  // namespace weft::wire
