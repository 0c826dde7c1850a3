// SPDX-License-Identifier: Apache-2.0
/// What commands that sign read from their options. Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "wire/claims.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::cli {

/// The moment so many days from now, in epoch seconds; nothing if the option is not given.
Result<std::optional<std::int64_t>> days_from_now(const Arguments& arguments, std::string_view option,
                                                  const Context& context);
/// --rev, else 0.
Result<std::int32_t> read_revision(const Arguments& arguments);
/// --name (else `name`), --tag, --rev, --ver, --call-alias, --expires, --nbf.
Result<wire::ComponentClaims> component_claims(const Arguments& arguments, const Context& context, std::string name);

}  // namespace weft::cli
