// SPDX-License-Identifier: Apache-2.0
#include "cli/context.hpp"

namespace weft::cli {

bool Context::colours() const {
  if (output == OutputFormat::json || !console.err_is_terminal()) return false;
  return getenv("NO_COLOR").value_or("").empty() && getenv("TERM").value_or("") != "dumb";
}

}  // namespace weft::cli
