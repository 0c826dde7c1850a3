// SPDX-License-Identifier: Apache-2.0
/// Sizes as people write them: "4096", "64MiB", "64m", "1g", "1.5GiB". K, M, G and T are powers of 1024, with or
/// without "iB" or "B", in any case. Errors: invalid_argument, also for what does not fit 64 bits.
#pragma once

#include <weft/result.hpp>

#include <cstdint>
#include <string_view>

namespace weft::cli {

Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace weft::cli
