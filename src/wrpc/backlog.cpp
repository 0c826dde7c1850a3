// SPDX-License-Identifier: Apache-2.0
#include "wrpc/backlog.hpp"

#include <fmt/format.h>

namespace weft::wrpc {

Error BacklogRoom::refusal(std::string_view what) {
  auto message = fmt::format("more of {} waits for whoever reads it than is kept: {} bytes, and {} that streams share",
                             what, limits_.each, limits_.shared);
  const auto now = std::chrono::steady_clock::now();
  if (log_ && now >= quiet_until_) {
    quiet_until_ = now + std::chrono::seconds(1);
    log_(LogLevel::warning, "", message + "; it breaks off");
  }
  return {Errc::resource_exhausted, std::move(message), {}, Blame::peer};
}

}  // namespace weft::wrpc
