// SPDX-License-Identifier: Apache-2.0
/// Makes the capability providers of one host run as commands say: start, link, configure, stop; built-ins and
/// processes alike (HostedProvider). Commands, links and configurations for one provider are handed over one after the
/// other, for different providers side by side. Each is a child of the tree's "providers".
///
/// Ownership: by the node; borrows NodeWorld and the registry. Threads: the control shard.
/// Source: control-plane facts 3.11, 4.4, 7.7, 7.8, 13 (Q14).
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "builtins/provider.hpp"
#include "host/hosted_builtin.hpp"
#include "host/hosted_process.hpp"
#include "host/hosted_provider.hpp"
#include "host/node_world.hpp"
#include "host/recovery.hpp"
#include "wire/control.hpp"

namespace weft::host {

struct ProviderPolicy {
  BuiltinPolicy builtins{};
  std::string lattice;
  std::optional<RpcAccess> access;                 ///< nothing: a lattice of one
  std::map<std::string, std::string> environment;  ///< that processes inherit
  ProviderProcessConfig processes{};
};

/// A provider of the inventory, with what only weft tells of it.
struct ProviderFigures {
  std::string id;
  std::string image_ref;
  std::optional<ProviderProcess> process;  ///< nothing: it is built in
  std::uint64_t restarts = 0;
};

class ProviderManager {
 public:
  ProviderManager(NodeWorld& world, const builtins::ProviderRegistry& registry, ProviderPolicy policy);
  ~ProviderManager();
  ProviderManager(const ProviderManager&) = delete;
  ProviderManager& operator=(const ProviderManager&) = delete;

  async::Task<std::string> start(wire::StartProvider command, std::string operation);
  async::Task<std::string> stop(wire::StopProvider command, std::string operation);
  /// Before anything runs: finds out what processes need, and kills what a host that was killed has left of them.
  /// Errors: those of CgroupTree::open(); io.
  async::Task<void> open();
  /// Carries out a placement that was kept.
  void recover(wire::StartProvider command);

  /// Until all that is recovered has been attempted, or for `timeout`.
  boost::asio::awaitable<void> recovered(std::chrono::milliseconds timeout) { return recovery_.wait(timeout); }

  [[nodiscard]] bool runs(std::string_view id) const;
  [[nodiscard]] std::vector<wire::ProviderDescription> inventory() const;
  [[nodiscard]] std::vector<ProviderFigures> figures() const;
  /// The links of a source have changed: providers at either end are told.
  void on_links(const std::vector<wire::Link>& before, const std::vector<wire::Link>& now);
  void on_config(const std::string& name);

  /// Done when every provider has been told of all links and configurations so far, or after a while: one that hangs
  /// holds nobody up.
  boost::asio::awaitable<void> settle();

  /// Ends commands. The tree ends the providers.
  boost::asio::awaitable<void> close();

 private:
  struct Entry;
  using Job = std::function<async::Task<void>(std::shared_ptr<Entry>)>;

  void enqueue(const std::shared_ptr<Entry>& entry, Job job);
  async::Task<void> run_jobs(std::shared_ptr<Entry> entry);

  async::Task<void> begin_and_tell(std::shared_ptr<Entry> entry, Placements::Ticket ticket);
  std::shared_ptr<Entry> make_entry(wire::StartProvider command);
  supervision::ChildSpec child(const std::shared_ptr<Entry>& entry, supervision::FirstStart first_start);
  async::Task<void> hand_over(std::shared_ptr<Entry> entry, wire::Link link);
  async::Task<void> take_back(std::shared_ptr<Entry> entry, wire::Link link);
  async::Task<void> configure(std::shared_ptr<Entry> entry);
  async::Task<wire::SecretMap> fetch_secrets(const Entry& entry, std::vector<std::string> names);
  Result<ResolvedLink> resolve(const Entry& entry, const wire::Link& link, Result<wire::SecretMap> source_secrets,
                               Result<wire::SecretMap> target_secrets) const;
  void tell(std::string_view event, const Entry& entry, const Error* error);
  void log(LogLevel level, const Entry& entry, const std::string& line) const;

  NodeWorld& world_;
  const builtins::ProviderRegistry& registry_;
  ProviderPolicy policy_;
  std::shared_ptr<ProcessHosting> hosting_;  ///< see there for with whom
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
  Recovery recovery_;
  async::TaskScope tasks_;
};

}  // namespace weft::host
