// SPDX-License-Identifier: Apache-2.0
#include "supervision/restart_policy.hpp"

#include <algorithm>
#include <cmath>

namespace weft::supervision {

bool count_restart(std::vector<Instant>& restarts, const Intensity& intensity, Instant now) {
  std::erase_if(restarts, [&](Instant at) { return now - at > intensity.within; });
  restarts.push_back(now);
  return restarts.size() <= intensity.restarts;
}

Duration restart_pause(const Backoff& backoff, unsigned failures, double chance) {
  if (failures <= 1) return Duration::zero();
  const auto maximum = static_cast<double>(backoff.maximum.count());
  // The power may be infinite after many failures; the minimum is not.
  const double grown =
      static_cast<double>(backoff.initial.count()) * std::pow(std::max(backoff.factor, 1.0), failures - 2.0);
  const double pause = std::min(grown, maximum) * (1 + (backoff.jitter * (2 * chance - 1)));
  return Duration(static_cast<Duration::rep>(std::clamp(pause, 0.0, maximum)));
}

}  // namespace weft::supervision
