// SPDX-License-Identifier: Apache-2.0
/// A line that a provider process wrote, as it goes into the host's log: without colours, with its level. Providers
/// write what they like; those of 1.9 write text or JSON with a level near its beginning. Threads: pure functions.
#pragma once

#include <weft/log.hpp>

#include <string>
#include <string_view>

namespace weft::host {

struct ProviderLine {
  LogLevel level = LogLevel::info;
  std::string text;
};

/// A line that names no level is `info`.
ProviderLine read_provider_line(std::string_view line);

}  // namespace weft::host
