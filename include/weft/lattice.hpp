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

/// How a host runs providers that are processes of their own. Limits hold for a provider together with all that it
/// starts; they need cgroup v2 and a part of it that is this host's, and a host that cannot set them does not start.
struct ProviderProcessConfig {
  std::chrono::milliseconds shutdown_delay{300};  ///< for one that is asked to end; and again, once it is told to
  std::chrono::milliseconds health_delay{5'000};  ///< to the first look at its health
  std::chrono::milliseconds health_interval{30'000};
  std::chrono::milliseconds rpc_timeout{2'000};  ///< of requests to it; and what it is told to use itself
  std::string log_level = "info";                ///< that it is told to use: error, warn, info, debug, trace
  bool structured_logging = false;               ///< it is told to log JSON
  std::optional<double> max_cpus;                ///< of processor time: 0.5 is half of one
  std::optional<std::uint64_t> max_memory_bytes;
  std::optional<std::uint64_t> max_processes;  ///< threads count too
  std::string cgroup;                          ///< the group to make theirs in; empty: the one this process is in
};

/// User and password for one registry.
struct RegistryLogin {
  std::string registry;  ///< "registry.example.net:5000", "docker.io"
  std::string user;
  std::string password;
};

/// Where components and providers come from, and whose may run.
struct ArtifactConfig {
  /// Images that were fetched, by their hash; several hosts of a user may share it. Empty: "artifacts" in data_dir, or
  /// without one the user's folder for caches.
  std::string cache_dir;
  std::uint64_t cache_bytes = 4ULL << 30;        ///< what is in use stays, even beyond that
  std::vector<RegistryLogin> logins;             ///< more may come while the host runs (registry.put)
  std::string docker_config;                     ///< path of a config.json with further logins; empty: none
  std::vector<std::string> insecure_registries;  ///< asked over plain HTTP
  std::vector<std::string> ca_files;             ///< PEM; trusted besides the system's
  bool allow_latest = false;
  bool require_signed = false;               ///< refuse components without a valid signature
  std::vector<std::string> allowed_issuers;  ///< account keys "A..."; not empty: nobody else's work runs
};

/// Who is asked, over the lattice, before a component or provider is started and before a component is called. No
/// answer is a refusal. What was answered counts until the service says otherwise. Source: wasmCloud 1.9.
struct PolicyConfig {
  std::string topic;          ///< the subject of questions; empty: everything is permitted, and nobody is asked
  std::string changes_topic;  ///< where the service says that a decision has changed; empty: none does
  std::chrono::milliseconds timeout{1'000};
};

struct LatticeConfig {
  std::string lattice = "default";
  /// Keeps the host's key, what it was told to run, and (without NATS) links and configurations. One daemon at a time.
  /// Empty: nothing is kept.
  std::string data_dir;
  std::optional<NatsConfig> nats;               ///< unset: a lattice of one
  std::optional<NatsConfig> rpc_nats;           ///< where calls between hosts go; unset: the same servers
  std::optional<NatsServerConfig> nats_server;  ///< without `nats`: join the server on this machine, else run one
  std::string host_seed;                        ///< "SN..."; empty: kept in data_dir, or new
  std::map<std::string, std::string> labels;
  std::string control_prefix = "wasmbus.ctl";
  std::string control_socket;   ///< path of a Unix socket for local clients; empty: none
  std::string metrics_listen;   ///< "127.0.0.1:9464": GET /metrics there, for Prometheus; empty: nowhere
  std::string admin_listen;     ///< GET /livez and /readyz there; may be the same address; empty: nowhere
  bool local_fast_path = true;  ///< off: what runs here is called over NATS too, to compare
  bool allow_file_load = false;
  bool allow_spy = false;  ///< whoever may ask hosts in the lattice may watch this one's calls, with their values
  ArtifactConfig artifacts;
  PolicyConfig policy;
  std::string secrets_topic;    ///< the beginning of secrets backends' subjects; empty: there are none
  bool config_service = false;  ///< logins for registries are asked for on the lattice when the host starts
  bool component_auctions = true;
  bool provider_auctions = true;
  std::chrono::milliseconds heartbeat_interval{30'000};
  std::chrono::milliseconds max_execution_time{600'000};
  std::uint64_t max_memory_bytes = 256ULL << 20;  ///< of one component instance, unless its command says otherwise
  ProviderProcessConfig provider_processes;
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
