// SPDX-License-Identifier: Apache-2.0
#include "supervision/cgroup.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

namespace weft::supervision {
namespace {

namespace fs = std::filesystem;

/// Where this process moves to, so that the group it was in may hand controllers down.
constexpr const char* kOwnLeaf = "weft-host";
constexpr std::uint64_t kCpuPeriod = 100'000;  ///< microseconds, the kernel's own choice
constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kLook = std::chrono::milliseconds(5);
constexpr const char* kHint =
    "limits need cgroup v2 and a part of it that is ours (systemd: Delegate=yes), or leave them out";

Error cannot(const std::string& what, int number) {
  const bool denied = number == EACCES || number == EPERM || number == EROFS;
  return {denied ? Errc::permission_denied : Errc::io, what + ": " + std::generic_category().message(number), kHint,
          Blame::environment};
}

std::string read(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

/// The kernel judges a value when it is written: so in one piece, and its answer is errno.
Result<void> write(const fs::path& file, const std::string& value) {
  errno = 0;
  std::ofstream out(file);
  out << value << std::flush;
  if (!out) return cannot(fmt::format("{} does not take {}", file.string(), value), errno == 0 ? EIO : errno);
  return {};
}

bool lists(const std::string& words, std::string_view wanted) {
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    if (word == wanted) return true;
  }
  return false;
}

std::vector<std::string> controllers_for(const CgroupLimits& limits) {
  std::vector<std::string> names;
  if (limits.cpus) names.emplace_back("cpu");
  if (limits.memory_bytes) names.emplace_back("memory");
  if (limits.processes) names.emplace_back("pids");
  return names;
}

/// "0::/system.slice/weft.service", among lines of older hierarchies.
Result<fs::path> own_group(const CgroupTree::Places& places) {
  std::istringstream lines(read(places.own));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return places.mount / fs::path(line.substr(4));
  }
  return Error(Errc::unsupported, "this process is in no group of cgroup v2", kHint, Blame::environment);
}

Result<void> check(const CgroupLimits& limits) {
  if (limits.cpus && !(*limits.cpus >= 0.01 && *limits.cpus <= 100'000)) {
    return Error(Errc::invalid_argument, "a limit of processor time is at least 0.01 of a processor", {},
                 Blame::operator_);
  }
  if (limits.memory_bytes == 0U || limits.processes == 0U) {
    return Error(Errc::invalid_argument, "a limit of 0 would let nothing run", {}, Blame::operator_);
  }
  return {};
}

bool make_folder(const fs::path& folder, std::error_code& failed) {
  fs::create_directory(folder, failed);
  return !failed;
}

}  // namespace

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this != &other) {
    remove();
    folder_.swap(other.folder_);
  }
  return *this;
}

void Cgroup::remove() noexcept {
  if (folder_.empty()) return;
  const auto folder = std::exchange(folder_, {});
  static_cast<void>(write(folder / "cgroup.kill", "1"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  // Refused as long as something in it has not ended.
  while (::rmdir(folder.c_str()) != 0 && errno == EBUSY && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kLook);
  }
}

Result<CgroupTree> CgroupTree::open(const std::string& parent, const CgroupLimits& limits, const Places& places) {
  WEFT_CHECK(check(limits));
  fs::path folder = places.mount / fs::path(parent).relative_path();
  if (parent.empty()) {
    WEFT_TRY(folder, own_group(places));
    if (folder.filename() == kOwnLeaf) folder = folder.parent_path();  // moved before
  }
  const auto offered = read(folder / "cgroup.controllers");
  for (const auto& name : controllers_for(limits)) {
    if (!lists(offered, name)) {
      return Error(Errc::unsupported, fmt::format("{} has no controller '{}'", folder.string(), name), kHint,
                   Blame::environment);
    }
  }
  const auto handed_down = read(folder / "cgroup.subtree_control");
  std::string missing;
  for (const auto& name : controllers_for(limits)) {
    if (!lists(handed_down, name)) missing += (missing.empty() ? "+" : " +") + name;
  }
  if (missing.empty()) return CgroupTree(folder);
  if (parent.empty()) {
    std::error_code failed;
    if (!make_folder(folder / kOwnLeaf, failed)) {
      return cannot("cannot make " + (folder / kOwnLeaf).string(), failed.value());
    }
    WEFT_CHECK(write(folder / kOwnLeaf / "cgroup.procs", std::to_string(::getpid())));
  }
  WEFT_CHECK(write(folder / "cgroup.subtree_control", missing));
  return CgroupTree(folder);
}

void CgroupTree::remove_all(const std::string& beginning) const noexcept {
  std::error_code failed;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(parent_, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().filename().string().starts_with(beginning)) found.push_back(at->path());
  }
  for (auto& folder : found) Cgroup(std::move(folder)).remove();
}

Result<Cgroup> CgroupTree::make(const std::string& name, const CgroupLimits& limits) const {
  WEFT_CHECK(check(limits));
  const auto folder = parent_ / name;
  Cgroup(folder).remove();
  std::error_code failed;
  if (!make_folder(folder, failed)) return cannot("cannot make " + folder.string(), failed.value());
  Cgroup group(folder);
  if (limits.cpus) {
    const auto quota = std::llround(*limits.cpus * static_cast<double>(kCpuPeriod));
    WEFT_CHECK(write(folder / "cpu.max", fmt::format("{} {}", quota, kCpuPeriod)));
  }
  if (limits.memory_bytes) {
    WEFT_CHECK(write(folder / "memory.max", std::to_string(*limits.memory_bytes)));
    // What is over the limit shall not move to the disk instead; where swap is not counted there is no such file.
    if (fs::exists(folder / "memory.swap.max", failed)) {
      WEFT_CHECK(write(folder / "memory.swap.max", "0"));
    }
    // One of them without the others is of no use: all end when one does not fit.
    if (fs::exists(folder / "memory.oom.group", failed)) {
      WEFT_CHECK(write(folder / "memory.oom.group", "1"));
    }
  }
  if (limits.processes) {
    WEFT_CHECK(write(folder / "pids.max", std::to_string(*limits.processes)));
  }
  return group;
}

}  // namespace weft::supervision
