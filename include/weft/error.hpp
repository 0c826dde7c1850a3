// SPDX-License-Identifier: Apache-2.0
/// What went wrong, made to be shown to a person and to travel to another host.
/// A failure is a value in weft: no function lets an exception leave it. std::error_code was not enough, because a
/// lattice error needs a sentence, the way out, and whom to blame. Threads: a plain value. Only `code` and `message`
/// may go on the wire; neither ever holds a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

/// The kinds of failure. Numbers are stable: they cross the wire and appear in logs.
enum class Errc : std::uint16_t {
  internal = 1,            ///< our own mistake
  invalid_argument = 2,    ///< the caller's value is malformed
  not_found = 3,           ///< what was named does not exist
  already_exists = 4,      ///< what was to be made is there
  permission_denied = 5,   ///< the operating system or a grant says no
  not_granted = 6,         ///< a guest imports a capability that was not granted
  unsupported = 7,         ///< well-formed, but not something this build does
  malformed = 8,           ///< bytes from outside do not decode
  resource_exhausted = 9,  ///< a limit was met
  deadline_exceeded = 10,  ///< took longer than allowed
  cancelled = 11,          ///< stopped on request
  trap = 12,               ///< the guest trapped
  guest_exit = 13,         ///< the guest called exit
  unavailable = 14,        ///< not now; may work later
  io = 15,                 ///< the operating system failed an operation
  type_mismatch = 16,      ///< a value or function does not have the type that is asked for
  conflict = 17,           ///< changed by somebody else meanwhile
  refused = 18,            ///< a host or provider understood and said no
};

/// The enumerator's own name, for logs and `--output json`.
std::string_view to_string(Errc code) noexcept;

/// Whose doing it was.
enum class Blame : std::uint8_t { host, guest, peer, operator_, environment };

/// One failure. Cheap to move; copy only where it must be kept.
class Error {
 public:
  Error(Errc code, std::string message, std::string hint = {}, Blame blame = Blame::host)
      : code_(code), blame_(blame), message_(std::move(message)), hint_(std::move(hint)) {}

  [[nodiscard]] Errc code() const noexcept { return code_; }
  [[nodiscard]] Blame blame() const noexcept { return blame_; }
  /// One sentence: what failed.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// One sentence: what would fix it; may be empty.
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  /// Long text for a log (a backtrace); may be empty.
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  /// What was being done when it failed, innermost first.
  [[nodiscard]] const std::vector<std::string>& context() const noexcept { return context_; }

  Error&& with_detail(std::string detail) && {
    detail_ = std::move(detail);
    return std::move(*this);
  }
  Error&& with_blame(Blame blame) && {
    blame_ = blame;
    return std::move(*this);
  }
  Error&& in(std::string operation) && {
    context_.push_back(std::move(operation));
    return std::move(*this);
  }

  /// "message: hint" with the context, on one line.
  [[nodiscard]] std::string to_string() const;

 private:
  Errc code_;
  Blame blame_;
  std::string message_;
  std::string hint_;
  std::string detail_;
  std::vector<std::string> context_;
};

}  // namespace weft
