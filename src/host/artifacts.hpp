// SPDX-License-Identifier: Apache-2.0
/// A node's way to its artefacts: the store, and threads that may wait for registries. They are not those that compile,
/// because a registry that does not answer would keep those from everything else.
/// Ownership: by the node. Threads: any. Errors: those of ArtifactStore.
#pragma once

#include <weft/lattice.hpp>

#include <memory>

#include "async/blocking_pool.hpp"
#include "registry/artifact_store.hpp"

namespace weft::host {

struct Artifacts {
  std::unique_ptr<registry::ArtifactStore> store;
  async::BlockingPool pool{"fetch", 4};  ///< ends before the store that its work uses
};

/// invalid_argument, not_found or malformed for settings that cannot be used.
Result<std::unique_ptr<registry::ArtifactStore>> open_artifacts(const LatticeConfig& config);

}  // namespace weft::host
