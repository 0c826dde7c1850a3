// SPDX-License-Identifier: Apache-2.0
#include "host/lattice_buses.hpp"

#include <fmt/format.h>

#include <utility>

#include "bus/fallback_bus.hpp"
#include "bus/nats_bus.hpp"

namespace weft::host {
namespace {

bus::NatsOptions command_options(const LatticeConfig& config, const LogSink& log) {
  auto options = bus::nats_options(*config.nats);
  options.log = [&log](LogLevel level, std::string_view line) { log(level, "", line); };
  return options;
}

bus::NatsOptions call_options(const LatticeConfig& config, const LogSink& log) {
  auto options = bus::nats_options(config.rpc_nats ? *config.rpc_nats : *config.nats);
  // The other connection tells of the same server.
  if (config.rpc_nats) {
    options.log = [&log](LogLevel level, std::string_view line) { log(level, "", fmt::format("calls: {}", line)); };
  }
  return options;
}

Result<std::unique_ptr<bus::NatsBus>> connect(bus::NatsOptions options, ServerWait wait) {
  if (wait != ServerWait::starts_later) {
    auto bus = bus::NatsBus::connect(options);
    if (bus || wait == ServerWait::none || bus.error().code() != Errc::unavailable) {
      return bus;
    }
    if (options.log) {
      options.log(LogLevel::warning,
                  fmt::format("{}; serving what is kept here until one does", bus.error().message()));
    }
  }
  options.first_connect = bus::FirstConnect::wait_for_server;
  return bus::NatsBus::connect(std::move(options));
}

}  // namespace

Result<LatticeBuses> connect_lattice(const LatticeConfig& config, ServerWait wait, const LogSink& log) {
  WEFT_TRY(auto commands, connect(command_options(config, log), wait));
  WEFT_TRY(auto calls, connect(call_options(config, log), wait));
  return LatticeBuses{.commands = std::make_unique<bus::FallbackBus>(std::move(commands)), .calls = std::move(calls)};
}

}  // namespace weft::host
