// SPDX-License-Identifier: Apache-2.0
/// A link as providers are told it: with the values of its configurations in place of their names.
/// Threads: pure functions. Source: control-plane facts 9.6, 3.13 (the copies for providers older than 1.1).
#pragma once

#include <string>
#include <string_view>

#include "wire/control.hpp"
#include "wire/link.hpp"

namespace weft::lattice {

/// JSON text; without secrets.
std::string encode_resolved(const wire::Link& link, const wire::StringMap& source_config,
                            const wire::StringMap& target_config);
/// Where the providers `id` of a lattice listen: `verb` is "put" or "del".
std::string linkdefs_subject(std::string_view lattice, std::string_view id, std::string_view verb);
/// Whether one of its configurations is a secret reference: such a link is never told in the clear.
bool names_secrets(const wire::Link& link) noexcept;

}  // namespace weft::lattice
