// SPDX-License-Identifier: Apache-2.0
/// `weft call` of a component that runs in the lattice. Errors: those of Connection, not_found (it runs nowhere), and
/// what the host or the component says.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <weft/host.hpp>

#include <string>
#include <vector>

namespace weft::cli {

struct RemoteCall {
  std::string component;
  std::string function;
  std::vector<std::string> arguments;
  ValueFormat format = ValueFormat::wave;
};

/// True if `word` names a component rather than a file: there is no such file, and it has the shape of an id.
bool names_component(const std::string& word);

/// The answer in the call's format.
Result<std::string> call_remotely(const RemoteCall& call, const Arguments& arguments, const Context& context);

}  // namespace weft::cli
