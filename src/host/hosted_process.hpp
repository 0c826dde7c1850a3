// SPDX-License-Identifier: Apache-2.0
/// A provider that is a process of its own. See HostedProvider.
///
/// One incarnation is one process in the tree: prepared (its executable, its links and configuration of now), spawned,
/// ready when it answers a question about its health. The tree restarts it; its key stays the same over that, its
/// instance id does not. What it leaves behind outside of its process group is killed before the next one begins, and
/// when it is stopped.
///
/// Without a NATS server there is nothing that a process could be reached by: `unavailable`.
/// Ownership: see HostedProvider. Threads: the control shard, which processes are bound to (spawn.hpp). Source:
/// data-plane facts 4.2-4.10; control-plane facts 7.7, 7.8.
#pragma once

#include <weft/lattice.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/task_scope.hpp"
#include "host/executables.hpp"
#include "host/hosted_provider.hpp"
#include "host/node_world.hpp"
#include "host/provider_talk.hpp"
#include "supervision/asio_runtime.hpp"
#include "supervision/cgroup.hpp"
#include "supervision/process_node.hpp"
#include "supervision/strays.hpp"
#include "wire/nkey.hpp"

namespace weft::host {

/// Where provider processes find their lattice.
struct RpcAccess {
  std::string url;
  std::string user_jwt;
  std::string user_seed;
};

/// What all provider processes of a host have in common. Shared with work on the pool, which may go on when the
/// provider it was for, and the manager, are gone already.
struct ProcessHosting {
  ProcessHosting(std::shared_ptr<supervision::AsioRuntime> its_runtime, wire::KeyPair its_key, std::string programs,
                 registry::ArtifactStore& store)
      : runtime(std::move(its_runtime)), secrets_key(std::move(its_key)), executables(std::move(programs), store) {}

  std::shared_ptr<supervision::AsioRuntime> runtime;
  wire::KeyPair secrets_key;  ///< the host's
  Executables executables;
  std::string lattice;
  std::optional<RpcAccess> access;                 ///< nothing: a lattice of one
  std::string mark;                                ///< of this host's processes; survives it where it has a data folder
  std::map<std::string, std::string> environment;  ///< that they inherit
  ProviderProcessConfig config;
  std::optional<supervision::CgroupTree> cgroups;  ///< where limits are set

  [[nodiscard]] supervision::CgroupLimits limits() const {
    return {.cpus = config.max_cpus, .memory_bytes = config.max_memory_bytes, .processes = config.max_processes};
  }
};

/// Kills what earlier processes have left: of one provider, or (empty id) of all. Blocks.
Result<std::size_t> kill_left_behind(const ProcessHosting& hosting, const std::string& provider_id);

class HostedProcess final : public HostedProvider {
 public:
  HostedProcess(NodeWorld& world, std::shared_ptr<ProcessHosting> hosting, ProviderHome& home, std::string id,
                wire::ImageRef ref);
  ~HostedProcess() override;

  void describe(supervision::ChildSpec& spec) override;
  [[nodiscard]] bool runs() const override { return runs_; }
  async::Task<void> put_link(ResolvedLink link) override;
  async::Task<void> delete_link(wire::LinkDefinition link) override;
  async::Task<void> update_config(wire::StringMap config) override;
  async::Task<void> close() override;
  [[nodiscard]] const wire::ProviderClaims* claims() const override;
  [[nodiscard]] std::optional<ProviderProcess> process() const override;

 private:
  class Incarnation;
  struct Run;

  async::Task<void> bring_up(std::shared_ptr<Run> run);
  async::Task<supervision::ProcessSpec> prepare(std::shared_ptr<Run> run);
  async::Task<void> fetch();
  supervision::ProcessSpec process_spec(const std::shared_ptr<Run>& run, const Provision& provision);
  void on_started(const std::shared_ptr<Run>& run, pid_t pid);
  void on_line(Run& run, std::string_view line);
  bool ask_to_stop();
  async::Task<void> await_answer(std::shared_ptr<Run> run);
  async::Task<void> give_up_waiting(std::shared_ptr<Run> run);
  void on_ended(const std::shared_ptr<Run>& run, std::optional<Error> error);
  void on_gone(Run& run);
  async::Task<void> finish(std::shared_ptr<Run> run, std::optional<Error> error);
  void log(LogLevel level, std::string_view line) const;

  NodeWorld& world_;
  std::shared_ptr<ProcessHosting> hosting_;
  ProviderHome& home_;
  std::string id_;
  wire::ImageRef ref_;
  wire::KeyPair key_;
  ProviderTalk talk_;
  std::optional<Executable> executable_;
  ProviderProcess figures_;
  bool runs_ = false;
  bool follows_health_ = false;
  async::TaskScope tasks_;
};

}  // namespace weft::host
