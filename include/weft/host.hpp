// SPDX-License-Identifier: Apache-2.0
/// The embeddable host: load components, call them, serve them over HTTP. The daemon, the command line and the tests
/// are clients of this header.
///
///   auto host = weft::Host::create({});
///   auto component = (*host)->load("hello.wasm", {});
///   auto server = (*host)->serve(*component, {.listen = "127.0.0.1:8000"});
///
/// Ownership: Host owns its threads, engine and components; Component and HttpService are handles that must not outlive
/// their Host. Threads: every function here may be called from any thread but the host's own; all of them may block.
/// Several hosts may live in one process; there are no globals.
#pragma once

#include <weft/builtin.hpp>
#include <weft/error.hpp>
#include <weft/lattice.hpp>
#include <weft/log.hpp>
#include <weft/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

struct HostConfig {
  std::size_t shards = 0;                ///< threads that run guests; 0: one per core
  std::optional<std::string> cache_dir;  ///< compiled artifacts; unset: $XDG_CACHE_HOME/weft/artifacts or
                                         ///< ~/.cache/weft/artifacts; empty: no cache
  LogSink log;                           ///< empty: nothing is logged
  BuiltinRegistry builtins = {};         ///< providers of the embedding program, beside those that come with weft
};

enum class DirAccess : std::uint8_t { read_only, read_write };

struct PreopenedDir {
  std::string host_path;
  std::string guest_path;
  DirAccess access = DirAccess::read_only;
};

/// What a component's output does.
enum class Stdio : std::uint8_t {
  log,      ///< line by line to the log, with the component's id
  inherit,  ///< this process's own stdin, stdout and stderr
  discard,
};

/// Everything a component may do beyond computing. Nothing is granted by default, except clocks and random.
struct Grants {
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> arguments;  ///< of a command component, without the program name
  std::vector<PreopenedDir> dirs;
  std::vector<std::string> network;  ///< "host:port" or "host:*" that may be connected to; empty: no sockets
  Stdio stdio = Stdio::log;
};

struct Limits {
  std::uint64_t max_memory_bytes = 64ULL << 20;  ///< linear memories of one instance together
  std::uint32_t max_table_elements = 100'000;    ///< per table
  std::chrono::milliseconds timeout{30'000};     ///< of one call; 0: none
  std::uint32_t reuse = 0;           ///< further calls one instance may serve; 0: a fresh instance for every call
  std::uint32_t max_concurrent = 0;  ///< calls at once over all shards; 0: what the pool holds
};

struct ComponentConfig {
  std::string id;  ///< in logs; empty: the file's name
  Grants grants;
  Limits limits;
};

/// What kind of guest a file is, by its exports.
enum class WorldKind : std::uint8_t { http, command, library };

/// Facts of a component.
/// A function that a component exports; one at the root of its world has no interface.
struct ExportedFunction {
  std::string interface;  ///< "acme:shop/cart@1.0.0"
  std::string function;   ///< "[method]cart.add"
};

struct ComponentInfo {
  WorldKind kind = WorldKind::library;
  std::string wasi_version;  ///< "0.2.3", "0.3.0" or empty
  std::string toolchain;     ///< from the producers section: "clang 19.1.7, wit-component 0.254.2"
  std::uint64_t size_bytes = 0;
  std::vector<std::string> imports;  ///< "wasi:http/types@0.2.3"
  std::vector<std::string> exports;
  std::vector<ExportedFunction> functions;  ///< of all exports
  std::string wit;                          ///< all imports and exports with full types, as WIT text
  std::string json;                         ///< the same as data
};

/// Figures of one call.
struct CallStats {
  std::chrono::nanoseconds cpu_time{0};
  std::uint64_t peak_memory_bytes = 0;
  std::uint64_t host_calls = 0;
};

enum class ValueFormat : std::uint8_t { wave, json };

class Component {
 public:
  virtual ~Component() = default;
  [[nodiscard]] virtual const std::string& id() const noexcept = 0;
  [[nodiscard]] virtual const ComponentInfo& info() const noexcept = 0;
  /// True if the compiled code came from the cache.
  [[nodiscard]] virtual bool was_cached() const noexcept = 0;
};

struct ServeConfig {
  std::string listen = "127.0.0.1:8000";
  std::uint64_t max_body_bytes = UINT64_MAX;
  std::size_t max_header_bytes = std::size_t{64} * 1024;
  std::size_t max_connections = 20'000;
  std::size_t max_requests_in_flight = 2'048;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds io_timeout{30'000};
  std::chrono::milliseconds request_timeout{0};  ///< from a request's head to its answer's last byte; 0: none
  bool access_log = false;
};

/// A component that is being served. Destroying it closes at once; close() drains first.
class HttpService {
 public:
  virtual ~HttpService() = default;
  /// "127.0.0.1:8000", with the real port.
  [[nodiscard]] virtual std::string address() const = 0;
  /// Stops accepting, waits up to `grace` for requests in flight, then cancels them.
  virtual void close(std::chrono::milliseconds grace) = 0;
};

class Host {
 public:
  virtual ~Host() = default;

  static Result<std::unique_ptr<Host>> create(HostConfig config);

  /// Compiles (or takes from the cache), checks what the component imports against its grants, and prepares it for
  /// calls. Errors: io, not_found (file), malformed (not a component), unsupported (WASI 0.3, a core module),
  /// not_granted (an import nobody provides).
  virtual Result<std::shared_ptr<Component>> load(const std::string& path, ComponentConfig config) = 0;
  /// The same from bytes in memory.
  virtual Result<std::shared_ptr<Component>> load_bytes(std::string_view wasm, ComponentConfig config) = 0;
  /// Reads a file's facts, without compiling or running it.
  virtual Result<ComponentInfo> inspect(const std::string& path) = 0;
  /// Compiles into the artifact cache; returns false if it was there already.
  virtual Result<bool> compile(const std::string& path) = 0;

  /// Serves a component that exports wasi:http/incoming-handler. Errors: type_mismatch, invalid_argument, io,
  /// permission_denied.
  virtual Result<std::unique_ptr<HttpService>> serve(std::shared_ptr<Component> component, ServeConfig config) = 0;
  /// Runs a command component to its end; its exit code.
  virtual Result<int> run_command(const Component& component) = 0;
  /// Calls an export, "ns:pkg/iface@1.2.0#func" (the version may be left out where there is but one) or "func", with
  /// its arguments as text (WAVE: each argument one string; JSON: each one document). The answer is in the same form;
  /// empty if the function returns nothing.
  virtual Result<std::string> call(const Component& component, const std::string& function,
                                   const std::vector<std::string>& arguments, ValueFormat format,
                                   CallStats* stats = nullptr) = 0;

  /// Makes this host a member of a lattice (or a lattice of one): it takes commands from now on. Errors:
  /// invalid_argument (a name, a seed), unavailable (another daemon has the data folder or the socket; no NATS),
  /// malformed (what the folder holds), io.
  virtual Result<std::unique_ptr<LatticeMember>> join(LatticeConfig config) = 0;

  /// Stops one host: services are closed, calls in flight cancelled. The destructor does it too.
  virtual void stop() = 0;
};

/// weft's own: "0.1.0".
std::string_view weft_version() noexcept;

using Versions = std::vector<std::pair<std::string, std::string>>;
/// "48.0.8" and so on, for `weft version`: name and version of each library that matters, linked in or run on.
Versions library_versions();
/// The same of the compilers that made this build.
Versions compiler_versions();

}  // namespace weft
