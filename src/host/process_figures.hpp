// SPDX-License-Identifier: Apache-2.0
/// What the system says of this process. Any thread. What it does not say is 0.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace weft::host {

struct ProcessFigures {
  std::uint64_t memory_bytes = 0;  ///< resident
  double cpu_seconds = 0;          ///< of all its threads
};

inline ProcessFigures process_figures() {
  ProcessFigures figures;
  std::uint64_t all_pages = 0;
  std::uint64_t resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> all_pages >> resident_pages) {
    figures.memory_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    figures.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return figures;
}

}  // namespace weft::host
