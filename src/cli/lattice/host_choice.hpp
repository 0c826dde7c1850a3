// SPDX-License-Identifier: Apache-2.0
/// Which of a lattice's hosts is meant. Pure functions. Errors: not_found, invalid_argument (several), both with the
/// list of hosts.
#pragma once

#include "wire/control.hpp"

#include <weft/result.hpp>

#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

/// A public key of a host, whole: nobody has to be asked whose it is.
bool is_host_id(std::string_view text) noexcept;

/// `wanted` is the beginning of an id or a part of a name, in any case; empty: the only host there is.
Result<wire::HostPing> choose_host(std::span<const wire::HostPing> hosts, std::string_view wanted);

}  // namespace weft::cli
