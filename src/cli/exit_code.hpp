// SPDX-License-Identifier: Apache-2.0
/// What weft's exit codes mean. A command component's own code is passed through instead.
#pragma once

#include <weft/error.hpp>

#include <span>
#include <string_view>

namespace weft::cli {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitIo = 3;
inline constexpr int kExitBadComponent = 4;
inline constexpr int kExitNotGranted = 5;
inline constexpr int kExitLimit = 6;
inline constexpr int kExitDeadline = 124;
inline constexpr int kExitSignal = 128;  ///< plus the signal's number
inline constexpr int kExitCancelled = 130;
inline constexpr int kExitTrap = 134;

int exit_code(Errc code) noexcept;

struct ExitCodeLine {
  std::string_view code;
  std::string_view meaning;
};
/// For the help and the documentation.
std::span<const ExitCodeLine> exit_code_lines() noexcept;

}  // namespace weft::cli
