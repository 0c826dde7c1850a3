// SPDX-License-Identifier: Apache-2.0
/// The engine's C border as values: compiled components, deployments prepared with their grants, and exports found in
/// them. No wasmtime type and no C handle shows above this folder.
///
/// Ownership: each class owns its C object. Order of death: calls, lanes, functions, signatures, Deployment, Module,
/// Engine. Threads: Engine, Module, Deployment, Function and Signature may be used from any thread at once; all of
/// their functions may take long (they compile, read files). Errors: as the C border reports them, unchanged.
#pragma once

#include <weft/host.hpp>
#include <weft/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_handle.hpp"

struct weft_engine;
struct weft_component;
struct weft_prepared;
struct weft_func;
struct weft_signature;
extern "C" {
void weft_engine_free(weft_engine* engine);
void weft_component_free(weft_component* component);
void weft_prepared_free(weft_prepared* prepared);
void weft_func_free(weft_func* func);
void weft_signature_free(weft_signature* signature);
}

namespace weft::engine {

using Bytes = std::vector<std::byte>;

struct EngineConfig {
  std::uint32_t max_instances = 0;     ///< slots of the instance pool; 0: the engine's default
  std::uint64_t max_memory_bytes = 0;  ///< of one linear memory; 0: 4 GiB
  std::string cache_dir;               ///< compiled artifacts; empty: no cache
};

/// Who answers what a component imports beyond WASI itself.
enum class Imports : std::uint8_t {
  none,  ///< nobody: prepare() refuses such a component
  all,   ///< C++, by CallEvents::on_import
};

/// A function that C++ answers. "[resource-drop]name" in its place tells that the guest dropped a handle of the
/// interface's resource.
struct ImportedFunction {
  std::string interface;                       ///< "acme:shop/cart@1.0.0"
  std::string function;                        ///< "[method]cart.add"
  bool gives_rpc_error = false;                ///< its only result is result<_, own<error>> of wrpc:rpc/error
  bool is_async = false;                       ///< the guest may call others before it is answered
  std::vector<std::string> param_paths = {};   ///< of its streams and futures: "1", "0.1"
  std::vector<std::string> result_paths = {};  ///< the same of its results
};

class Module;
class Deployment;

class Engine {
 public:
  static Result<Engine> create(const EngineConfig& config);

  /// Compiles, or takes from the artifact cache.
  Result<Module> load(std::string_view wasm);
  /// Links a module with what it is granted. Errors: not_granted (an import nobody provides), not_found (a folder),
  /// invalid_argument.
  Result<Deployment> prepare(const Module& module, const std::string& id, const Grants& grants, const Limits& limits,
                             Imports imports = Imports::none);
  /// False where address space was too short for the pool.
  [[nodiscard]] bool is_pooling() const;

 private:
  explicit Engine(weft_engine* handle) : handle_(Handle::adopt(handle)) {}
  using Handle = base::UniqueHandle<weft_engine, &weft_engine_free>;
  Handle handle_;
};

/// Compiled code.
class Module {
 public:
  [[nodiscard]] bool was_cached() const;

 private:
  friend class Engine;
  explicit Module(weft_component* handle) : handle_(Handle::adopt(handle)) {}
  using Handle = base::UniqueHandle<weft_component, &weft_component_free>;
  Handle handle_;
};

/// One export with its types.
class Function {
 public:
  /// Parameters from text, and results back to text. Errors: invalid_argument names the argument and its type.
  [[nodiscard]] Result<Bytes> encode(const std::vector<std::string>& arguments, ValueFormat format) const;
  [[nodiscard]] Result<std::string> decode(std::span<const std::byte> results, ValueFormat format) const;
  /// A call of it returns before it has ended: its component has streams, futures or async functions.
  [[nodiscard]] bool is_streamed() const noexcept;
  /// Where streams and futures are among its parameters, and among its results: "1", "0.1".
  [[nodiscard]] std::vector<std::string> param_paths() const;
  [[nodiscard]] std::vector<std::string> result_paths() const;
  [[nodiscard]] const weft_func* get() const noexcept { return handle_.get(); }

 private:
  friend class Deployment;
  explicit Function(weft_func* handle) : handle_(Handle::adopt(handle)) {}
  using Handle = base::UniqueHandle<weft_func, &weft_func_free>;
  Handle handle_;
};

/// The types of a function, to show by them what its calls say.
class Signature {
 public:
  enum class Part : std::uint8_t { params, results };
  /// Encoded values, or the first bytes of them.
  struct Seen {
    std::span<const std::byte> bytes;
    bool is_cut = false;
  };
  /// WAVE text, "name: value, ..." of parameters, at most about `max_bytes` of it; what is left out ends it with
  /// "...". A list of bytes is b"text\\x00" in it, and a handle <handle b"...">. Errors: malformed, of other types.
  [[nodiscard]] Result<std::string> show(Part part, Seen values, std::size_t max_bytes) const;

 private:
  friend class Deployment;
  explicit Signature(weft_signature* handle) : handle_(Handle::adopt(handle)) {}
  using Handle = base::UniqueHandle<weft_signature, &weft_signature_free>;
  Handle handle_;
};

/// A module linked with its grants.
class Deployment {
 public:
  /// By "ns:pkg/interface#function" or "function". Errors: not_found, unsupported.
  [[nodiscard]] Result<Function> find(std::string_view name) const;
  /// What C++ answers, in the order of the numbers that on_import() gives.
  [[nodiscard]] std::vector<ImportedFunction> imports() const;
  /// Of an export, by its name as for find(), and of an import, by its number. Errors: not_found.
  [[nodiscard]] Result<Signature> export_signature(std::string_view name) const;
  [[nodiscard]] Result<Signature> import_signature(std::uint32_t number) const;
  /// Some function of the component is async, or has streams or futures.
  [[nodiscard]] bool has_streams() const noexcept;
  [[nodiscard]] const weft_prepared* get() const noexcept { return handle_.get(); }

 private:
  friend class Engine;
  explicit Deployment(weft_prepared* handle) : handle_(Handle::adopt(handle)) {}
  using Handle = base::UniqueHandle<weft_prepared, &weft_prepared_free>;
  Handle handle_;
};

/// Facts of a component, without compiling it. Errors: malformed, unsupported.
Result<ComponentInfo> describe(std::string_view wasm);

/// wasmtime's version.
std::string_view engine_version();

}  // namespace weft::engine
