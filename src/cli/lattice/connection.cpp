// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/connection.hpp"

#include "cli/lattice/host_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {

Result<std::unique_ptr<Connection>> Connection::open(const Arguments& arguments, const Context& context) {
  WEFT_TRY(auto target, lattice_target(arguments, context));
  return open(std::move(target), context);
}

Result<std::unique_ptr<Connection>> Connection::open(LatticeTarget target, const Context& context) {
  std::unique_ptr<Connection> connection(new Connection(std::move(target)));
  connection->shard_.start();
  WEFT_TRY(connection->bus_, context.connect_bus(connection->shard_, connection->target_));
  const auto& known = connection->target_;
  connection->client_ = std::make_unique<lattice::ControlClient>(
      *connection->bus_, connection->shard_,
      wire::ControlRoot{.prefix = known.control_prefix, .lattice = known.lattice},
      lattice::ControlClient::Timeouts{.request = known.answer_timeout, .gather = known.gather});
  return connection;
}

Connection::~Connection() {
  client_.reset();
  bus_.reset();
  shard_.stop();
}

Result<std::vector<wire::HostPing>> Connection::hosts() {
  WEFT_TRY(auto hosts, wait(client_->hosts()));
  if (hosts.empty()) {
    return Error(Errc::unavailable,
                 fmt::format("No host of the lattice '{}' answers at {}.", target_.lattice, target_.name()),
                 "Start one with 'weft up', or name the lattice with '--lattice'.", Blame::environment);
  }
  std::ranges::sort(hosts, {}, [](const wire::HostPing& host) { return std::pair(host.friendly_name, host.id); });
  return hosts;
}

Result<wire::HostPing> Connection::host(const std::string& wanted) {
  WEFT_TRY(const auto all, hosts());
  if (!wanted.empty()) return choose_host(all, wanted);
  return choose_host(all, target_.host.empty() ? target_.daemon : target_.host);
}

Result<std::string> Connection::host_id(const std::string& wanted) {
  const std::string& name = wanted.empty() ? target_.host : wanted;
  if (is_host_id(name)) return name;
  if (name.empty() && !target_.daemon.empty()) return target_.daemon;
  WEFT_TRY(auto found, host(name));
  return std::move(found.id);
}

Result<std::vector<wire::HostInventory>> Connection::inventories() {
  std::vector<wire::HostInventory> found;
  if (names_host() || target_.alone) {
    WEFT_TRY(auto id, host_id());
    WEFT_TRY(auto inventory, wait(client_->inventory(std::move(id))));
    found.push_back(std::move(inventory));
    return found;
  }
  WEFT_TRY(const auto all, hosts());
  for (const auto& host : all) {
    auto inventory = wait(client_->inventory(host.id));
    // One that has left since it answered is not there.
    if (inventory) found.push_back(*std::move(inventory));
  }
  return found;
}

}  // namespace weft::cli
