// SPDX-License-Identifier: Apache-2.0
/// One host's membership in a lattice: owns its bus, state, control server, managers and heartbeat, and connects them.
///
/// Start: identity, local state, bus, then on the control shard the supervision tree, in its order: a NATS server of
/// its own, subscriptions, what the buckets hold, components, providers, commands, heartbeat; then host_started. Stop
/// is the reverse, with host_stopped before the server ends. Without its server a host goes on with what it keeps of
/// the lattice, and starts with that too; host_started is told once a server is there. Ownership: LatticeMember for
/// embedders; borrows the engine, shards and registry of its Host. Threads: LatticeMember's from any; the rest on the
/// control shard. Source: control-plane facts 2.7, 5.5, 11.
#pragma once

#include <weft/host.hpp>
#include <weft/lattice.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "async/task_scope.hpp"
#include "builtins/provider.hpp"
#include "bus/bus.hpp"
#include "bus/mirrored_key_value.hpp"
#include "guest/component_loader.hpp"
#include "host/artifacts.hpp"
#include "host/component_manager.hpp"
#include "host/data_folder.hpp"
#include "host/identity.hpp"
#include "host/lattice_services.hpp"
#include "host/log_ring.hpp"
#include "host/nats_server.hpp"
#include "host/node_view.hpp"
#include "host/node_world.hpp"
#include "host/page_server.hpp"
#include "host/provider_manager.hpp"
#include "host/questions.hpp"
#include "host/spy/call_tap.hpp"
#include "host/spy/spy_sessions.hpp"
#include "lattice/control_server.hpp"
#include "lattice/heartbeat.hpp"
#include "lattice/host_commands.hpp"
#include "lattice/policy_client.hpp"
#include "lattice/secrets_client.hpp"
#include "supervision/tree.hpp"
#include "wrpc/endpoint.hpp"

namespace weft::bus {
class SocketServer;
}

namespace weft::host {

/// What a node borrows of its Host.
struct NodeBase {
  engine::Engine& engine;
  guest::ComponentLoader& loader;
  async::ShardPool& shards;
  const builtins::ProviderRegistry& builtins;
  const LogSink& log;
};

class Node final : public LatticeMember, private lattice::HostCommands, private lattice::LatticeListener {
 public:
  static Result<std::unique_ptr<Node>> start(NodeBase base, LatticeConfig config);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const std::string& host_id() const noexcept override { return identity_.id(); }
  [[nodiscard]] const std::string& friendly_name() const noexcept override { return identity_.friendly_name(); }
  [[nodiscard]] const std::string& lattice() const noexcept override { return config_.lattice; }
  [[nodiscard]] std::string bus_url() const override { return bus_->info().url; }
  Stopped wait() override;
  void interrupt() override;
  void stop(std::chrono::milliseconds grace) override;

 private:
  Node(NodeBase base, LatticeConfig config, Identity identity, std::optional<DataFolder> folder,
       std::unique_ptr<registry::ArtifactStore> artifacts);

  Result<void> open();
  Result<void> open_bus();
  async::Task<bool> has_been_here();
  async::Task<void> boot();
  async::Task<void> open_state();
  async::Task<std::shared_ptr<bus::KeyValue>> open_shared(std::string name);
  void on_bus(bus::BusState state);
  async::Task<void> remember_lattice();
  async::Task<void> await_server(std::chrono::steady_clock::time_point until);
  async::Task<void> say_goodbye();
  supervision::SupervisorSpec tree_spec();
  async::Task<void> open_data_plane();
  async::Task<void> close_data_plane();
  async::Task<void> open_socket();
  async::Task<bus::Message> answer_locally(bus::Message request);
  async::Task<void> close_socket();
  async::Task<void> recover();
  async::Task<void> shut_down(std::chrono::milliseconds grace);
  void want_stop(Stopped stopped);

  // HostCommands
  wire::HostPing ping() override;
  wire::HostInventory inventory() override;
  const wire::StringMap& labels() override { return identity_.labels(); }
  [[nodiscard]] bool runs_component(const std::string& id) const override;
  [[nodiscard]] bool runs_provider(const std::string& id) const override;
  async::Task<std::string> scale(wire::ScaleComponent command, std::string id) override;
  async::Task<std::string> update(wire::UpdateComponent command, std::string id) override;
  async::Task<std::string> start_provider(wire::StartProvider command, std::string id) override;
  async::Task<std::string> stop_provider(wire::StopProvider command, std::string id) override;
  void put_label(const wire::Label& label) override;
  bool delete_label(const std::string& key) override;
  boost::asio::awaitable<void> settle() override;
  void stop_host(std::optional<std::uint64_t> timeout_ms) override;
  void put_registries(wire::RegistryCredentials credentials) override;
  async::Task<std::string> ask(std::string question, std::string body) override;
  NodeView view();
  ServiceAccess service_access() { return {*bus_, control_, config_, identity_, log_}; }

  // LatticeListener
  void on_links(const std::string& source_id, const std::vector<wire::Link>& before,
                const std::vector<wire::Link>& now) override;
  void on_config(const std::string& name) override;

  // Destroyed in reverse: what uses something stands below it.
  NodeBase base_;
  LogRing log_ring_;
  LogSink log_;  ///< to the ring, then to the Host's
  LatticeConfig config_;
  Identity identity_;
  std::optional<DataFolder> folder_;
  std::optional<std::chrono::milliseconds> stop_grace_;  ///< control shard
  std::chrono::steady_clock::time_point stop_deadline_;  ///< with stop_grace_
  Artifacts artifacts_;
  async::BlockingPool pool_;
  async::Shard control_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<bus::Bus> rpc_bus_;       ///< null: a lattice of one
  std::optional<wrpc::Endpoint> endpoint_;  ///< on rpc_bus_
  std::optional<NatsServerPlan> own_server_;
  bool may_wait_ = false;   ///< for the NATS server, when the host starts
  bool announced_ = false;  ///< host_started is out
  std::vector<std::shared_ptr<bus::MirroredKeyValue>> mirrors_;
  std::unique_ptr<bus::Subscription> bus_state_;
  dispatch::Dispatcher dispatcher_;
  CallTap tap_;
  Router router_;
  async::BlockingPool draining_;  ///< calls that still run use the dispatcher
  lattice::Operations operations_;
  async::TaskScope tasks_;
  PageServer pages_;
  // Made when their buckets are open.
  std::optional<Placements> placements_;
  std::optional<lattice::LatticeStore> store_;
  std::optional<lattice::EventPublisher> events_;
  std::shared_ptr<lattice::PolicyClient> policy_;
  std::unique_ptr<lattice::SecretsClient> secrets_;
  std::optional<NodeWorld> world_;
  std::optional<ComponentManager> components_;
  std::optional<ProviderManager> providers_;
  std::optional<lattice::ControlServer> server_;
  std::optional<lattice::Heartbeat> heartbeat_;
  std::optional<SpySessions> spies_;
  std::optional<Questions> questions_;
  std::unique_ptr<bus::SocketServer> socket_;
  std::unique_ptr<supervision::Tree> tree_;

  std::mutex stop_mutex_;
  std::condition_variable stop_wanted_;
  std::optional<Stopped> stop_wish_;
  bool closed_ = false;
};

}  // namespace weft::host
