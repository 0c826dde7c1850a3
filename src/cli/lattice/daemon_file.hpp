// SPDX-License-Identifier: Apache-2.0
/// What a daemon says of itself in its data folder ("daemon.json"), so that commands on the same machine know its host
/// and its lattice without asking around. Left behind by a daemon that was killed, and then of no consequence: its
/// socket answers nobody. Threads: pure functions but for the file. Errors: not_found, permission_denied, io,
/// malformed.
#pragma once

#include <weft/result.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace weft::cli {

struct DaemonFile {
  std::string host_id;
  std::string lattice;
  bool alone = true;  ///< a lattice of one: there are no other hosts to ask
  std::int64_t pid = 0;
};

Result<void> write_daemon_file(const std::string& data_dir, const DaemonFile& file);
/// Nothing if there is none.
Result<std::optional<DaemonFile>> read_daemon_file(const std::string& data_dir);
void remove_daemon_file(const std::string& data_dir);

}  // namespace weft::cli
