// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/connect.hpp"

#include "async/shard_call.hpp"
#include "bus/nats_bus.hpp"
#include "bus/socket_bus.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

bus::NatsOptions client_options(const NatsConfig& config) {
  auto options = bus::nats_options(config);
  options.name = "weft";
  return options;
}

Error no_daemon(const LatticeTarget& target, const Error& error) {
  if (error.code() != Errc::unavailable) return error;
  return Error(Errc::unavailable, fmt::format("No daemon runs on {}.", target.name()),
               "Start one with 'weft up', or name a lattice with '--nats' or '--context'.", Blame::environment);
}

}  // namespace

Result<std::shared_ptr<bus::Bus>> connect_bus(async::Shard& shard, const LatticeTarget& target) {
  if (target.nats) {
    WEFT_TRY(std::shared_ptr<bus::Bus> bus, bus::NatsBus::connect(client_options(*target.nats)));
    return bus;
  }
  auto bus = async::run_on_shard_and_wait(shard, bus::SocketBus::connect(shard, target.socket, target.answer_timeout));
  if (!bus) return no_daemon(target, bus.error());
  return std::shared_ptr<bus::Bus>(*std::move(bus));
}

}  // namespace weft::cli
