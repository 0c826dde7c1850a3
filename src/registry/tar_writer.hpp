// SPDX-License-Identifier: Apache-2.0
/// Writes a tar file, optionally gzipped, to a NewFile; nothing in it depends on who writes it or when.
/// Ownership: borrows the file. Threads: not thread-safe. Errors: those of NewFile; invalid_argument for an entry that
/// gets fewer or more bytes than were announced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "registry/file.hpp"

namespace weft::registry {

enum class TarPacking : std::uint8_t { plain, gzip };

class TarWriter {
 public:
  static Result<TarWriter> create(NewFile& file, TarPacking packing);
  TarWriter(TarWriter&&) noexcept;
  TarWriter& operator=(TarWriter&&) noexcept;
  ~TarWriter();

  Result<void> begin(const std::string& name, std::uint64_t size, mode_t mode);
  Result<void> write(std::string_view bytes);
  Result<void> finish();

 private:
  struct State;
  explicit TarWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weft::registry
