// SPDX-License-Identifier: Apache-2.0
/// A command's connection to its lattice: a shard of its own, the bus, the client of the control interface.
///
/// Ownership: by the command, for its run. Threads: the command's; wait() runs a task on the shard and blocks. What
/// subscribes does so within such a task, because subscriptions end on their shard. Errors: those of lattice_target()
/// and of the bus; unavailable when no host of the lattice answers.
#pragma once

#include "async/shard.hpp"
#include "async/shard_call.hpp"
#include "bus/bus.hpp"
#include "cli/context.hpp"
#include "cli/lattice/target.hpp"
#include "lattice/control_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weft::cli {

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const Arguments& arguments, const Context& context);
  static Result<std::unique_ptr<Connection>> open(LatticeTarget target, const Context& context);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }

  [[nodiscard]] lattice::ControlClient& client() noexcept { return *client_; }
  [[nodiscard]] bus::Bus& bus() noexcept { return *bus_; }
  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const LatticeTarget& target() const noexcept { return target_; }

  /// All that answer, by name; at least one.
  Result<std::vector<wire::HostPing>> hosts();
  /// The one that `wanted` names; if it is empty, what the options say, the local daemon's, or the only one.
  Result<wire::HostPing> host(const std::string& wanted);
  /// Its id alone, which often is known without asking.
  Result<std::string> host_id(const std::string& wanted = {});
  /// True if a host was named, so that the others do not matter.
  [[nodiscard]] bool names_host() const noexcept { return !target_.host.empty(); }
  /// Of the host that was named, else of all, by name.
  Result<std::vector<wire::HostInventory>> inventories();

 private:
  explicit Connection(LatticeTarget target) : target_(std::move(target)) {}

  LatticeTarget target_;
  async::Shard shard_{0};
  std::shared_ptr<bus::Bus> bus_;
  std::unique_ptr<lattice::ControlClient> client_;
};

}  // namespace weft::cli
