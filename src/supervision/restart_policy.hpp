// SPDX-License-Identifier: Apache-2.0
/// When a child that failed may start again: the two rules, as pure functions.
#pragma once

#include <vector>

#include "supervision/spec.hpp"

namespace weft::supervision {

/// Notes a restart at `now`; false when that is one too many within the window.
bool count_restart(std::vector<Instant>& restarts, const Intensity& intensity, Instant now);

/// The pause before the restart that follows the `failures`-th failure in a row (1 is the first). `chance` is in [0,
/// 1).
Duration restart_pause(const Backoff& backoff, unsigned failures, double chance);

}  // namespace weft::supervision
