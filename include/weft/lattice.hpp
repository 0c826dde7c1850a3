// SPDX-License-Identifier: Apache-2.0
/// A host's membership in a lattice: it is controlled by commands, keeps what it was told to run, and runs linked
/// components. Without NATS it is a lattice of one: the same commands on a bus inside the process.
///
///   auto host = weft::Host::create({});
///   auto member = (*host)->join({.data_dir = "/var/lib/weft"});
///   (*member)->wait();
///
/// Ownership: a member borrows its Host, which must outlive it. Threads: every function may be called from any thread
/// but the host's own; all of them may block. Several hosts and members may live in one process.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// How to reach the NATS servers of a lattice.
struct NatsConfig {
  std::vector<std::string> urls{"nats://127.0.0.1:4222"};
  std::string credentials_file;
  std::string user_jwt;  ///< with user_seed
  std::string user_seed;
  bool require_tls = false;
  std::string ca_file;
  std::string certificate_file;  ///< of the client, with key_file
  std::string key_file;
  std::string jetstream_domain;
  /// Do not fail when no server answers: serve what is kept here, and join when one does. A data folder that has been
  /// in the lattice before does so in any case.
  bool wait_for_server = false;
};

/// A NATS server of the host's own, for when none answers on 127.0.0.1:4222. Its data is in data_dir.
struct NatsServerConfig {
  std::string program;  ///< empty: nats-server of the usual places
};

struct LatticeConfig {
  std::string lattice = "default";
  /// Keeps the host's key, what it was told to run, and (without NATS) links and configurations. One daemon at a time.
  /// Empty: nothing is kept.
  std::string data_dir;
  std::optional<NatsConfig> nats;               ///< unset: a lattice of one
  std::optional<NatsServerConfig> nats_server;  ///< without `nats`: join the server on this machine, else run one
  std::string host_seed;                        ///< "SN..."; empty: kept in data_dir, or new
  std::map<std::string, std::string> labels;
  std::string control_prefix = "wasmbus.ctl";
  std::string control_socket;  ///< path of a Unix socket for local clients; empty: none
  std::string metrics_listen;  ///< "127.0.0.1:9464": GET /metrics there, for Prometheus; empty: nowhere
  std::string admin_listen;    ///< GET /livez and /readyz there; may be the same address; empty: nowhere
  bool allow_file_load = false;
  bool component_auctions = true;
  bool provider_auctions = true;
  std::chrono::milliseconds heartbeat_interval{30'000};
  std::chrono::milliseconds max_execution_time{600'000};
  std::uint64_t max_memory_bytes = 256ULL << 20;  ///< of one component instance, unless its command says otherwise
};

/// Why wait() has returned.
enum class StopReason : std::uint8_t {
  command,  ///< host.stop
  request,  ///< stop() or interrupt()
};

struct Stopped {
  StopReason reason = StopReason::request;
  std::optional<std::chrono::milliseconds> budget;  ///< that a command gave
};

class LatticeMember {
 public:
  virtual ~LatticeMember() = default;

  [[nodiscard]] virtual const std::string& host_id() const noexcept = 0;
  [[nodiscard]] virtual const std::string& friendly_name() const noexcept = 0;
  [[nodiscard]] virtual const std::string& lattice() const noexcept = 0;
  /// The NATS server in use, without credentials; "memory:" in a lattice of one.
  [[nodiscard]] virtual std::string bus_url() const = 0;

  /// Until somebody wants this host to stop; the member still runs then.
  virtual Stopped wait() = 0;
  /// Makes wait() return. Any thread, also a signal's watcher.
  virtual void interrupt() = 0;
  /// Leaves: no new commands, calls in flight get `grace`, then the last event, then the end. The destructor does it
  /// with no grace.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace weft
