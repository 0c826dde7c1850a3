// SPDX-License-Identifier: Apache-2.0
/// wasi:logging for one component: what a guest logs goes to the host's log, under the component's id.
///
/// A record is one call of the sink for each line of its message: "context: line", or the line alone. The sink has four
/// levels: trace is told as debug and critical as error, with the level's name before the context ("[critical] ctx:
/// ..."). Ownership: the host makes one for each component; it copies the sink. Threads: calls on every shard, so the
/// sink is called from all of them. Limits: kMaxRecordBytes and kMaxRecordLines of a record; the rest is cut, and the
/// log says so. Control characters are the sink's matter, but no guest can make a line that looks like another
/// component's. Source: data-plane facts 3.8, 3.11.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <weft/log.hpp>

#include "builtins/builtin_target.hpp"

namespace weft::builtins {

inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxRecordLines = 1000;

[[nodiscard]] std::shared_ptr<dispatch::Target> make_logging_target(std::string component, std::size_t shards,
                                                                    LogSink sink);

}  // namespace weft::builtins
