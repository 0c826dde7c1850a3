// SPDX-License-Identifier: Apache-2.0
/// Starts the servers that tests need. Threads: any.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::test {

/// A child that dies with this program and writes what it says to the end of `log`; -1 when there is none. A program
/// that cannot be run ends with 127.
pid_t start_child(const std::vector<std::string>& arguments, const std::filesystem::path& log);

}  // namespace weft::test
