// SPDX-License-Identifier: Apache-2.0
/// Control groups (cgroup v2): limits for a process together with all that it starts, which no process can leave by
/// itself. Without them a limit could only be each process's own (rlimits), which ten children multiply by ten.
///
/// CgroupTree is the part of the hierarchy that is ours: below the group this process is in, or below one that is
/// named. For the first the process moves into a leaf of its own, because a group that hands controllers down may have
/// no processes in it. Cgroup is one group in it; destroyed, it kills what is left in it and removes it.
///
/// Threads: any that may block; plain values. Errors: unsupported (no cgroup v2 here, or a controller is missing that a
/// limit needs), permission_denied (it was not delegated to us), invalid_argument (a limit that cannot be), io.
/// Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, "Delegation", "No Internal Process Constraint".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <weft/result.hpp>

namespace weft::supervision {

/// Unset: as much as there is.
struct CgroupLimits {
  std::optional<double> cpus{};  ///< of processor time: 0.5 is half of one
  std::optional<std::uint64_t> memory_bytes{};
  std::optional<std::uint64_t> processes{};  ///< threads count too

  [[nodiscard]] bool any() const noexcept { return cpus || memory_bytes || processes; }
};

class Cgroup {
 public:
  Cgroup() = default;
  Cgroup(Cgroup&& other) noexcept : folder_(std::move(other.folder_)) { other.folder_.clear(); }
  Cgroup& operator=(Cgroup&& other) noexcept;
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup() { remove(); }

  /// For Command::cgroup; empty for none.
  [[nodiscard]] std::string folder() const { return folder_.string(); }
  /// Kills all in it and removes it; waits up to a second for that.
  void remove() noexcept;

 private:
  friend class CgroupTree;
  explicit Cgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

class CgroupTree {
 public:
  /// Where the kernel shows things; tests have files of their own.
  struct Places {
    std::filesystem::path mount = "/sys/fs/cgroup";
    std::filesystem::path own = "/proc/self/cgroup";
  };

  /// Makes sure that groups with these limits can be made. `parent`: a group below the mount that is empty of
  /// processes; empty: ours.
  static Result<CgroupTree> open(const std::string& parent, const CgroupLimits& limits, const Places& places);
  static Result<CgroupTree> open(const std::string& parent, const CgroupLimits& limits) {
    return open(parent, limits, Places());
  }

  /// Groups whose names begin so, with all that is in them: left behind by somebody who was killed.
  void remove_all(const std::string& beginning) const noexcept;
  /// A new group; one of that name that was left behind is emptied and removed before.
  [[nodiscard]] Result<Cgroup> make(const std::string& name, const CgroupLimits& limits) const;

 private:
  explicit CgroupTree(std::filesystem::path parent) : parent_(std::move(parent)) {}

  std::filesystem::path parent_;
};

}  // namespace weft::supervision
