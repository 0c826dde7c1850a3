// SPDX-License-Identifier: Apache-2.0
/// Bytes as text (RFC 4648 sections 4 and 5). Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::wire {

/// Which letters there are for 62 and 63, and whether '=' fills the last four.
enum class Base64 : std::uint8_t { standard, standard_unpadded, url, url_unpadded };

[[nodiscard]] std::string to_base64(std::string_view bytes, Base64 form);
/// Nothing for what is not exactly of that form.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text, Base64 form);

}  // namespace weft::wire
