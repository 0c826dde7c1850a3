// SPDX-License-Identifier: Apache-2.0
/// From a file or bytes to a component that can be called: read, describe, compile (or take from the cache), link.
/// Borrows the engine. Threads: any, several at once; everything here blocks, so never on a shard. Errors name the
/// file.
#pragma once

#include <weft/host.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "guest/component.hpp"

namespace weft::guest {

/// The bytes of a .wasm file. Errors: not_found, invalid_argument, resource_exhausted, permission_denied, io.
Result<std::string> read_component_file(const std::string& path);
/// An error about a file's contents, naming the file.
Error about_file(const Error& error, const std::string& path);

/// Bytes that are loaded already are not compiled or read from the cache again: a thousand components of the same code
/// share it. Borrows the engine. Threads: any.
class ComponentLoader {
 public:
  explicit ComponentLoader(engine::Engine& engine) : engine_(engine) {}

  Result<std::shared_ptr<LoadedComponent>> load(std::string_view wasm, ComponentConfig config, engine::Imports imports);

 private:
  Result<std::shared_ptr<const CompiledComponent>> compile(std::string_view wasm);

  engine::Engine& engine_;
  std::mutex mutex_;                                                     ///< held for look-ups alone
  std::map<std::string, std::weak_ptr<const CompiledComponent>> known_;  ///< by digest
  std::size_t prune_at_ = 64;
};

}  // namespace weft::guest
