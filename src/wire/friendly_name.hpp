// SPDX-License-Identifier: Apache-2.0
/// The name people call a host by: "quiet-harbor-0412". New at each start, not unique, an identity of nothing.
/// Threads: pure function. Source: control-plane facts 1.2.
#pragma once

#include <cstdint>
#include <string>

namespace weft::wire {

/// `random`: any number; equal numbers give equal names.
std::string friendly_name(std::uint64_t random);

}  // namespace weft::wire
