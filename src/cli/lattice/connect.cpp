// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/connect.hpp"

#include "async/shard_call.hpp"
#include "bus/nats_bus.hpp"
#include "bus/socket_bus.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

bus::NatsOptions nats_options(const NatsConfig& config) {
  bus::NatsOptions options;
  options.urls = config.urls;
  options.name = "weft";
  if (!config.credentials_file.empty()) {
    options.credentials = bus::CredentialsFile{config.credentials_file};
  } else if (!config.user_jwt.empty()) {
    options.credentials = bus::UserJwt{config.user_jwt, config.user_seed};
  }
  options.tls = {.require = config.require_tls,
                 .ca_file = config.ca_file,
                 .certificate_file = config.certificate_file,
                 .key_file = config.key_file};
  options.jetstream_domain = config.jetstream_domain;
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
    WEFT_TRY(std::shared_ptr<bus::Bus> bus, bus::NatsBus::connect(nats_options(*target.nats)));
    return bus;
  }
  auto bus = async::run_on_shard_and_wait(shard, bus::SocketBus::connect(shard, target.socket, target.answer_timeout));
  if (!bus) return no_daemon(target, bus.error());
  return std::shared_ptr<bus::Bus>(*std::move(bus));
}

}  // namespace weft::cli
