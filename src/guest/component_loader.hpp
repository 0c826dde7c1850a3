// SPDX-License-Identifier: Apache-2.0
/// From a file or bytes to a component that can be called: read, describe, compile (or take from the cache), link.
/// Borrows the engine. Threads: any, several at once; everything here blocks, so never on a shard. Errors name the
/// file.
#pragma once

#include <weft/host.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "guest/component.hpp"
#include "wire/claims.hpp"

namespace weft::guest {

/// The bytes of a .wasm file. Errors: not_found, invalid_argument, resource_exhausted, permission_denied, io.
Result<std::string> read_component_file(const std::string& path);
/// An error about a file's contents, naming the file.
Error about_file(const Error& error, const std::string& path);

/// What the file system says of a file; two looks that say the same found the same contents.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t written_ns = 0, changed_ns = 0;

  bool operator==(const FileStamp&) const = default;
  /// Whether a write from now on is sure to give another stamp: clocks of file systems have steps of some milliseconds.
  [[nodiscard]] bool is_settled(std::int64_t now_ns) const;
};
std::int64_t wall_nanoseconds();
/// Nothing if there is no such file.
std::optional<FileStamp> stamp_of(const std::string& path);

/// Bytes that are loaded already are not compiled or read from the cache again: a thousand components of the same code
/// share it. While some of them run, their file is not even read again unless it has changed. Borrows the engine.
/// Threads: any.
class ComponentLoader {
 public:
  /// The wall clock, in nanoseconds; tests have their own.
  using Now = std::int64_t (*)();
  explicit ComponentLoader(engine::Engine& engine, Now now = &wall_nanoseconds) : engine_(engine), now_(now) {}

  Result<std::shared_ptr<LoadedComponent>> load(std::string_view wasm, ComponentConfig config, engine::Imports imports);

  struct FromFile {
    std::optional<wire::ComponentClaims> claims;  ///< that the file is signed with; they are valid now
    std::shared_ptr<LoadedComponent> component;
  };
  Result<FromFile> load_file(const std::string& path, ComponentConfig config, engine::Imports imports);

 private:
  using Compiled = std::shared_ptr<const CompiledComponent>;
  /// A file without claims; those of a signed one are looked at each time, because they expire.
  struct KnownFile {
    FileStamp stamp;
    std::weak_ptr<const CompiledComponent> compiled;
  };

  Result<Compiled> compile(std::string_view wasm);
  Result<std::shared_ptr<LoadedComponent>> link(Compiled compiled, ComponentConfig config, engine::Imports imports);
  Compiled find_file(const std::string& path, const std::optional<FileStamp>& stamp);
  void remember_file(const std::string& path, const FileStamp& stamp, const Compiled& compiled);

  engine::Engine& engine_;
  Now now_;
  std::mutex mutex_;                                                     ///< held for look-ups alone
  std::map<std::string, std::weak_ptr<const CompiledComponent>> known_;  ///< by digest
  std::map<std::string, KnownFile> files_;                               ///< by path
  std::size_t prune_at_ = 64;
  std::size_t prune_files_at_ = 64;
};

}  // namespace weft::guest
