// SPDX-License-Identifier: Apache-2.0
/// What every command that changes something does alike: send, wait until it is done unless told not to, say so.
/// Errors: those of lattice::OutcomeWaiter.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "cli/lattice/connection.hpp"
#include "lattice/outcome.hpp"

#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

/// wait, no-wait, timeout
std::span<const OptionSpec> wait_options() noexcept;

/// How it is told: "component cart serves on N...".
struct Deed {
  std::string_view kind;  ///< "component"
  std::string id;
  std::string_view done;  ///< "serves"
  std::string host_id;    ///< empty: it is about the lattice, not about a host
};

/// A command that a host carries out after its answer.
Result<int> carry_out(Connection& connection, const Arguments& arguments, const Context& context, const Deed& deed,
                      const lattice::OutcomeWaiter::Send& send, lattice::ExpectedEvents expected);

/// A command that is done when it is answered.
Result<int> carry_out_at_once(Connection& connection, const Context& context, const Deed& deed,
                              async::Task<lattice::Accepted> command);

}  // namespace weft::cli
