// SPDX-License-Identifier: Apache-2.0
/// Waiting for a process that is not a child. Threads: any; blocks. Errors: deadline_exceeded.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <cstdint>

namespace weft::cli {

/// At once if there is no such process, or if this system does not let it be watched.
Result<void> wait_for_process_end(std::int64_t pid, std::chrono::milliseconds timeout);

}  // namespace weft::cli
