// SPDX-License-Identifier: Apache-2.0
/// From a file or bytes to a component that can be called: read, describe, compile (or take from the cache), link.
/// Borrows the engine. Threads: any, several at once; everything here blocks, so never on a shard. Errors name the
/// file.
#pragma once

#include <weft/host.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "host/component.hpp"

namespace weft::host {

/// The bytes of a .wasm file. Errors: not_found, invalid_argument, resource_exhausted, permission_denied, io.
Result<std::string> read_component_file(const std::string& path);
/// An error about a file's contents, naming the file.
Error about_file(const Error& error, const std::string& path);

Result<std::shared_ptr<LoadedComponent>> load_component(engine::Engine& engine, std::string_view wasm,
                                                        ComponentConfig config, engine::Imports imports);

}  // namespace weft::host
