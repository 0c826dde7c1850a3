// SPDX-License-Identifier: Apache-2.0
/// From a command to a component that answers: its file is read and compiled, its configuration looked up, its limits
/// set, and it is linked with what the host itself provides. Nobody calls it yet, and nothing about it is told.
/// Ownership: by the component manager; borrows the node's world. Threads: the control shard; files are read and code
/// is compiled on the pool. Source: control-plane facts 6, live-host facts A5.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "async/task.hpp"
#include "builtins/config/config_target.hpp"
#include "builtins/secrets/secrets_target.hpp"
#include "guest/component.hpp"
#include "guest/component_loader.hpp"
#include "guest/component_target.hpp"
#include "host/node_world.hpp"
#include "wire/claims.hpp"
#include "wire/control.hpp"

namespace weft::host {

struct ComponentPolicy {
  bool allow_file_load = false;
  Limits limits;  ///< of a component whose command names none
  std::chrono::milliseconds drain_grace{30'000};
};

/// Code that answers, and what it was started with.
struct RunningComponent {
  wire::ScaleComponent command;  ///< with the reference that really runs
  std::optional<wire::ComponentClaims> claims;
  std::unique_ptr<builtins::ConfigTarget> config;
  std::unique_ptr<builtins::SecretsTarget> secrets;
  std::shared_ptr<guest::ComponentTarget> target;
  std::shared_ptr<dispatch::Target> entrance;  ///< what is called: the target, or what asks a policy service first
};

/// Of the limits in a command, those that can be read; nothing if it names none.
std::optional<wire::StringMap> readable_limits(const std::optional<wire::StringMap>& limits);

class ComponentAssembler {
 public:
  ComponentAssembler(NodeWorld& world, ComponentPolicy policy) : world_(world), policy_(policy) {}

  /// Keeps the claims that the file carries. permission_denied: the lattice's policy service does not permit it.
  async::Task<std::shared_ptr<RunningComponent>> prepare(wire::ScaleComponent command);
  /// Its code alone, under the host's policy for what may be loaded.
  async::Task<guest::ComponentLoader::FromFile> fetch(std::string id, std::string reference,
                                                      std::optional<wire::StringMap> limits) const;
  /// The secrets that the command's configurations name.
  async::Task<wire::SecretMap> secrets(wire::ScaleComponent command, std::optional<wire::ComponentClaims> claims);
  /// Whether what runs may be told to go on like that.
  async::Task<void> permit(wire::ScaleComponent command, std::optional<wire::ComponentClaims> claims);

 private:
  NodeWorld& world_;
  ComponentPolicy policy_;
};

}  // namespace weft::host
