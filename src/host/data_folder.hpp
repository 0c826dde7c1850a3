// SPDX-License-Identifier: Apache-2.0
/// A host's data folder: made if it is not there, readable by its owner alone, locked against a second daemon, and the
/// SQLite file in it. Threads: opened by any; what it gives says its own.
#pragma once

#include <memory>
#include <string>
#include <weft/result.hpp>

#include "bus/sqlite_store.hpp"

namespace weft::host {

class DataFolder {
 public:
  /// Errors: unavailable (another daemon has it), malformed (the file in it cannot be read), io, permission_denied.
  static Result<DataFolder> open(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bus::SqliteStore& state() noexcept { return *state_; }

 private:
  DataFolder(std::string path, std::unique_ptr<bus::SqliteStore> state)
      : path_(std::move(path)), state_(std::move(state)) {}

  std::string path_;
  std::unique_ptr<bus::SqliteStore> state_;
};

}  // namespace weft::host
