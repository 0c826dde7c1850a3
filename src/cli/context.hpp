// SPDX-License-Identifier: Apache-2.0
/// The world of a command, handed in so that tests can give it another: where it prints, how it gets a host, what the
/// environment says. Owned by main(); borrowed by the command for its run.
#pragma once

#include "cli/console.hpp"
#include "cli/guest_tools.hpp"
#include "cli/interrupts.hpp"
#include "cli/parse_grants.hpp"

#include <weft/host.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace weft::async {
class Shard;
}
namespace weft::bus {
class Bus;
}

namespace weft::cli {

struct LatticeTarget;

/// Connects to a lattice; what arrives is served on `shard`. Shared, because a test keeps its own end.
using BusFactory = std::function<Result<std::shared_ptr<bus::Bus>>(async::Shard& shard, const LatticeTarget& target)>;

enum class OutputFormat : bool { text, json };

struct Context {
  Console& console;
  Interrupts& interrupts;
  GuestTools& guest_tools;
  GetEnv getenv;
  std::function<Result<std::unique_ptr<Host>>(HostConfig)> make_host;
  std::function<Versions()> library_versions;
  std::function<Versions()> compiler_versions;
  std::function<std::chrono::system_clock::time_point()> now;
  /// Ends the process at once, without any clean-up.
  std::function<void(int code)> exit_now;
  BusFactory connect_bus = {};
  /// All variables, for those whose names are open (WASMCLOUD_LABEL_*).
  std::function<std::map<std::string, std::string>()> environment = {};
  OutputFormat output = OutputFormat::text;

  /// Colours and progress: stderr is a terminal, NO_COLOR is not set, TERM is not "dumb".
  [[nodiscard]] bool colours() const;
};

}  // namespace weft::cli
