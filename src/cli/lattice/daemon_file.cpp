// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/daemon_file.hpp"

#include "cli/file.hpp"
#include "cli/lattice/json_value.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <filesystem>
#include <system_error>

namespace weft::cli {
namespace {

std::string path_in(const std::string& data_dir) { return data_dir + "/daemon.json"; }

}  // namespace

Result<void> write_daemon_file(const std::string& data_dir, const DaemonFile& file) {
  const boost::json::object object{
      {"host", file.host_id}, {"lattice", file.lattice}, {"alone", file.alone}, {"pid", file.pid}};
  return write_file(path_in(data_dir), boost::json::serialize(object) + "\n");
}

Result<std::optional<DaemonFile>> read_daemon_file(const std::string& data_dir) {
  const auto text = read_file(path_in(data_dir));
  if (!text) {
    if (text.error().code() == Errc::not_found) return std::optional<DaemonFile>();
    return text.error();
  }
  WEFT_TRY(const auto value, parse_json(*text, path_in(data_dir)));
  DaemonFile file{.host_id = text_at(value, "host"), .lattice = text_at(value, "lattice")};
  const auto* alone = member(value, "alone");
  file.alone = alone != nullptr && alone->is_bool() && alone->get_bool();
  file.pid = number_at(value, "pid");
  if (file.host_id.empty() || file.lattice.empty()) {
    return Error(Errc::malformed, fmt::format("'{}' does not say which host runs there.", path_in(data_dir)),
                 "Start the daemon again; it writes the file.", Blame::environment);
  }
  return std::optional(std::move(file));
}

void remove_daemon_file(const std::string& data_dir) {
  std::error_code ignored;
  std::filesystem::remove(path_in(data_dir), ignored);
}

}  // namespace weft::cli
