// SPDX-License-Identifier: Apache-2.0
/// The NATS server of a lattice that names none: the one that answers on this machine, else a child of this host with
/// JetStream and its data in the host's data folder. The child ends with the host, and is started again when it dies.
///
/// Its port is 4222 or, where something else has that, a free one; whichever it is, it is kept for the next start.
/// Threads: plan_nats_server() blocks for up to a second, on any; the child is the tree's.
#pragma once

#include <weft/log.hpp>
#include <weft/result.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "supervision/asio_runtime.hpp"
#include "supervision/spec.hpp"

namespace weft::host {

struct NatsServerPlan {
  std::uint16_t port = 0;
  bool answers = false;       ///< somebody runs it: there is nothing to start
  std::string program;        ///< else: what to start
  std::string configuration;  ///< with this file

  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port); }
};

/// Writes the configuration if a server is to be started. `program` empty: nats-server of the usual places.
/// Errors: not_found (no nats-server on this machine), invalid_argument (no data folder), io.
Result<NatsServerPlan> plan_nats_server(const std::string& data_dir, const std::string& program);

/// Its place in the tree; ready when it takes connections. `log` is borrowed by the child.
supervision::ChildSpec nats_server_child(std::shared_ptr<supervision::AsioRuntime> runtime, const NatsServerPlan& plan,
                                         const LogSink& log);

}  // namespace weft::host
