// SPDX-License-Identifier: Apache-2.0
/// One provider of this host, from the command that starts it to the one that stops it: a part of the program
/// (HostedBuiltin) or a process of its own (HostedProcess). The manager knows no difference: same commands, same links,
/// same place in the supervision tree.
///
/// Ownership: by the manager's entry, which outlives the nodes that it makes; borrows its home and the node's world.
/// Threads: the control shard. put_link() and the like come one at a time, and only while it runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "dispatch/target.hpp"
#include "supervision/spec.hpp"
#include "wire/claims.hpp"
#include "wire/host_data.hpp"

namespace weft::host {

/// A link with what the names of its configurations and secrets stand for. `link` holds no sealed secrets yet.
struct ResolvedLink {
  wire::LinkDefinition link;
  wire::SecretMap source_secrets{};
  wire::SecretMap target_secrets{};

  bool operator==(const ResolvedLink&) const = default;
};

/// All that a provider is started with, as it is at that moment.
struct Provision {
  wire::StringMap config;
  wire::SecretMap secrets;
  std::vector<ResolvedLink> links;
};

/// A provider's process, for whoever looks at it.
struct ProviderProcess {
  enum class Health : std::uint8_t { unknown, healthy, unhealthy };
  int pid = 0;              ///< 0: none runs at the moment
  std::string instance_id;  ///< of the last one
  Health health = Health::unknown;
  std::string message;  ///< of its last answer
};

/// What a provider wants of the manager that has it.
class ProviderHome {
 public:
  virtual ~ProviderHome() = default;

  /// Done when it may start. Asked once it is known what it is, and again only if it was not permitted.
  /// permission_denied: the lattice's policy service says no.
  virtual async::Task<void> permit() = 0;
  /// Configuration, secrets and links of now. A link that cannot be resolved is left out, and logged.
  virtual async::Task<Provision> provision() = 0;
  /// It runs. Told to the lattice the first time.
  virtual void started() = 0;
  /// How its start went, as far as a client wants to know: it answers, or not and why. What comes later says nothing.
  virtual void answered(Result<std::string> message) = 0;
  /// An attempt to start it has failed before it ran.
  virtual void failed(const Error& error) = 0;
  /// Done when nothing is told to it any more; what waited for its turn is dropped.
  virtual async::Task<void> quiet() = 0;
};

class HostedProvider {
 public:
  virtual ~HostedProvider() = default;

  /// Its place in the tree, but for name and first start: what it is, how long it may take, how one incarnation is
  /// made.
  virtual void describe(supervision::ChildSpec& spec) = 0;
  /// It has been started and was not stopped since; a process may be between two incarnations.
  [[nodiscard]] virtual bool runs() const = 0;
  /// A link has come or changed.
  virtual async::Task<void> put_link(ResolvedLink link) = 0;
  /// A link has gone; configurations are empty.
  virtual async::Task<void> delete_link(wire::LinkDefinition link) = 0;
  virtual async::Task<void> update_config(wire::StringMap config) = 0;
  /// After its place in the tree has gone: ends what it does besides. Idempotent.
  virtual async::Task<void> close() = 0;

  /// Of one that is signed; null: it is not.
  [[nodiscard]] virtual const wire::ProviderClaims* claims() const { return nullptr; }
  [[nodiscard]] virtual std::optional<ProviderProcess> process() const { return std::nullopt; }
};

}  // namespace weft::host
