// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kLines = std::to_array<ExitCodeLine>({
    {"0", "success"},
    {"1", "failed for a reason without a code of its own"},
    {"2", "the command line or an argument of the call is wrong"},
    {"3", "a file, folder, address, function, host or component could not be found, opened or used"},
    {"4", "the file is not a component that this command can use, or a state file that it cannot read"},
    {"5", "the component imports something that was not granted"},
    {"6", "a limit of weft was met, such as the size of a component"},
    {"124", "the deadline passed"},
    {"128+N", "stopped by signal N, such as 130 after Ctrl-C"},
    {"134", "the component trapped, as it does when its memory is at an end"},
});

}  // namespace

int exit_code(Errc code) noexcept {
  switch (code) {
    case Errc::internal:
    case Errc::already_exists:
    case Errc::guest_exit:
    case Errc::unavailable:
    case Errc::conflict:
    case Errc::refused:
      return kExitFailure;
    case Errc::invalid_argument:
      return kExitUsage;
    case Errc::not_found:
    case Errc::permission_denied:
    case Errc::io:
      return kExitIo;
    case Errc::malformed:
    case Errc::unsupported:
    case Errc::type_mismatch:
      return kExitBadComponent;
    case Errc::not_granted:
      return kExitNotGranted;
    case Errc::resource_exhausted:
      return kExitLimit;
    case Errc::deadline_exceeded:
      return kExitDeadline;
    case Errc::cancelled:
      return kExitCancelled;
    case Errc::trap:
      return kExitTrap;
  }
  return kExitFailure;
}

std::span<const ExitCodeLine> exit_code_lines() noexcept { return kLines; }

}  // namespace weft::cli
