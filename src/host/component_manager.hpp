// SPDX-License-Identifier: Apache-2.0
/// Makes the components of one host run as commands say: start, scale, update, stop; at most one entry per id. Commands
/// for one id are carried out one after the other, for different ids side by side; a command is durable before it is
/// acknowledged, and its outcome is told by events and by its operation.
///
/// Each is a child of the tree's "components": one that was kept from the last run and does not start is tried again,
/// ever more slowly, until it runs or is told otherwise.
/// An update compiles and links the new code first, then switches all callers to it, then lets the old calls end.
/// Ownership: by the node, whose world it borrows. Threads: the control shard; files are read and code is
/// compiled on the pool. Source: control-plane facts 6, 13 (Q1-Q7).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task_scope.hpp"
#include "async/throttle.hpp"
#include "guest/component_target.hpp"
#include "host/component_assembler.hpp"
#include "host/node_world.hpp"
#include "host/placements.hpp"
#include "host/recovery.hpp"
#include "wire/control.hpp"

namespace weft::host {

class ComponentManager {
 public:
  ComponentManager(NodeWorld& world, ComponentPolicy policy);
  ~ComponentManager();
  ComponentManager(const ComponentManager&) = delete;
  ComponentManager& operator=(const ComponentManager&) = delete;

  /// The answer to the command; the work goes on after it and ends operation `id`.
  async::Task<std::string> scale(wire::ScaleComponent command, std::string operation);
  async::Task<std::string> update(wire::UpdateComponent command, std::string operation);
  /// Carries out a placement that was kept.
  void recover(wire::ScaleComponent command);

  /// Until all that is recovered has been attempted, or for `timeout`.
  boost::asio::awaitable<void> recovered(std::chrono::milliseconds timeout) { return recovery_.wait(timeout); }

  [[nodiscard]] bool runs(std::string_view id) const;
  [[nodiscard]] std::vector<wire::ComponentDescription> inventory() const;
  /// The component that answers to an id; null if none runs.
  [[nodiscard]] std::shared_ptr<guest::ComponentTarget> find(std::string_view id) const;
  /// The code of a component that runs elsewhere, for its types; nothing of it is kept or started.
  async::Task<std::shared_ptr<const guest::LoadedComponent>> load_code(std::string id, std::string reference) const;
  /// What calls of it go to, see RunningComponent; null if none runs.
  [[nodiscard]] std::shared_ptr<dispatch::Target> entrance(std::string_view id) const;
  /// All that run, by id.
  [[nodiscard]] std::vector<std::shared_ptr<guest::ComponentTarget>> targets() const;
  /// The names of the configurations that a component was started with. not_found: it does not run.
  [[nodiscard]] Result<std::vector<std::string>> config_of(std::string_view id) const;
  /// A configuration has changed: components that have it see the new values at their next look.
  void on_config(const std::string& name);

  /// Ends commands. The tree ends the components.
  boost::asio::awaitable<void> close();

 private:
  struct Workload;
  using Job = std::function<async::Task<void>()>;

  Workload& workload(const std::string& id);
  void enqueue(const std::string& id, Job job);
  async::Task<void> run_jobs(std::shared_ptr<Workload> workload);

  async::Task<void> apply(wire::ScaleComponent command, std::string operation, Placements::Ticket ticket);
  async::Task<void> scale_to(wire::ScaleComponent command);
  async::Task<void> start(wire::ScaleComponent command);
  async::Task<void> stop(wire::ScaleComponent command);
  supervision::ChildSpec child(wire::ScaleComponent command, supervision::FirstStart first_start);
  async::Task<void> bring_up(wire::ScaleComponent command, bool recovered);
  async::Task<void> prepare_and_go_live(wire::ScaleComponent command);
  boost::asio::awaitable<std::shared_ptr<RunningComponent>> leave_routes(std::string id);
  async::Task<void> take_down(std::string id);
  async::Task<void> end_calls(std::shared_ptr<guest::ComponentTarget> target);
  async::Task<void> leave_tree(std::string id);
  async::Task<void> rescale(wire::ScaleComponent command);
  async::Task<void> adjust(wire::ScaleComponent command);
  async::Task<void> replace(wire::ScaleComponent command);
  async::Task<void> update_job(wire::UpdateComponent command, std::string operation, Placements::Ticket ticket);
  async::Task<void> update_now(wire::UpdateComponent command);
  [[nodiscard]] const wire::ScaleComponent* last_accepted(const std::string& id) const;
  boost::asio::awaitable<void> settle(std::string id, Placements::Ticket ticket);
  boost::asio::awaitable<void> go_live(std::shared_ptr<RunningComponent> running);
  void retire(std::shared_ptr<guest::ComponentTarget> target);

  /// Keeps users_of_configs_ when what runs under `id` changes; null: nothing runs.
  void follow_configs(const std::string& id, const RunningComponent* before, const RunningComponent* now);
  void tell_scaled(const RunningComponent& running, std::uint32_t count);
  void tell_failed(const wire::ScaleComponent& command, const Error& error);

  NodeWorld& world_;
  ComponentAssembler assembler_;
  std::chrono::milliseconds drain_grace_;
  std::map<std::string, std::shared_ptr<Workload>, std::less<>> workloads_;
  std::set<std::pair<std::string, std::string>> users_of_configs_;  ///< configuration, component that runs
  std::shared_ptr<async::Throttle> starting_;
  std::shared_ptr<async::Throttle> ending_;
  Recovery recovery_;
  async::TaskScope tasks_;
};

}  // namespace weft::host
