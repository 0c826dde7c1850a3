// SPDX-License-Identifier: Apache-2.0
/// The services of a lattice that a host asks, as its configuration names them: policy, secrets, logins for registries.
/// Threads: the control shard.
#pragma once

#include <weft/lattice.hpp>
#include <weft/log.hpp>

#include <functional>
#include <memory>
#include <string>

#include "async/shard.hpp"
#include "bus/bus.hpp"
#include "host/identity.hpp"
#include "lattice/lattice_store.hpp"
#include "lattice/policy_client.hpp"
#include "lattice/secrets_client.hpp"
#include "registry/artifact_store.hpp"

namespace weft::host {

/// What the services are reached by, and who asks them. Borrowed by all that is made here.
struct ServiceAccess {
  bus::Bus& bus;
  async::Shard& control;
  const LatticeConfig& config;
  const Identity& identity;
  const LogSink& log;
};

/// Null: everything is permitted. Errors: invalid_argument (a subject that is none).
Result<std::shared_ptr<lattice::PolicyClient>> make_policy(ServiceAccess access, std::function<std::string()> new_id);
/// Without a topic one that has no secrets. Errors: invalid_argument (a subject that is none).
Result<std::unique_ptr<lattice::SecretsClient>> make_secrets(ServiceAccess access, const lattice::LatticeStore& store,
                                                             const std::string& token_id);
/// Logins from the lattice's config service, where the host shall ask it. Like 1.9, a host starts without them.
async::Task<void> take_logins(ServiceAccess access, registry::ArtifactStore* artifacts);

}  // namespace weft::host
