// SPDX-License-Identifier: Apache-2.0
/// Walks a tar file, optionally in one layer of gzip, without believing it: entries are named and measured before any
/// byte of them is read, and nothing is ever written by an archive's names.
///
/// Reads by position, so that several readers may share one descriptor.
/// Ownership: borrows the descriptor. Threads: not thread-safe. Errors: malformed (truncated, no tar, names that leave
/// the archive), unsupported (links, devices), resource_exhausted (TarLimits).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <weft/result.hpp>

namespace weft::registry {

struct TarLimits {
  std::uint64_t max_total_bytes = std::uint64_t{2} * 1024 * 1024 * 1024;  ///< unpacked, with headers and padding
  std::size_t max_entries = 64;
};

/// A regular file inside.
struct TarEntry {
  std::string name;
  std::uint64_t size = 0;
};

class TarReader {
 public:
  static Result<TarReader> open(int descriptor, const TarLimits& limits);
  TarReader(TarReader&&) noexcept;
  TarReader& operator=(TarReader&&) noexcept;
  ~TarReader();

  /// The next regular file; folders are passed over. Nothing: the end.
  Result<std::optional<TarEntry>> next();
  /// Bytes of the current entry; 0 at its end.
  Result<std::size_t> read(std::span<char> buffer);

 private:
  struct State;
  explicit TarReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weft::registry
