// SPDX-License-Identifier: Apache-2.0
/// A capability provider inside the host, in C++: derive from Builtin, register functions in the constructor, and give
/// the host its factory under a name. Components then import its interfaces over a link, like those of any provider.
///
///   class Counter final : public weft::Builtin {
///    public:
///     explicit Counter(weft::BuiltinContext) {
///       function("acme:counter/count", "increment",
///                [this](const weft::CallInfo& call, std::string name, std::uint64_t by) -> std::uint64_t {...});
///     }
///   };
///   registry.emplace("counter", weft::builtin_factory<Counter>());   // started as wasmcloud+builtin://counter
///
/// Which C++ types stand for which WIT types: weft/value.hpp. A function that fails with an Error fails the call, which
/// traps a guest; what a guest shall see belongs into the interface's own result, std::expected<T, E>.
/// Ownership: the host owns it and destroys it after stop(), or after the last call that still runs then.
/// Threads: functions are called from every shard at once, several at a time; state they share is immutable, atomic or
/// locked for moments. put_link() to stop() run on a thread that may block, one at a time, at any time beside
/// functions. Errors: an exception that leaves a function fails that call (internal), is logged and counted.
#pragma once

#include <weft/builtin_function.hpp>
#include <weft/call_info.hpp>
#include <weft/caller.hpp>
#include <weft/log.hpp>
#include <weft/reply.hpp>
#include <weft/resource.hpp>
#include <weft/result.hpp>
#include <weft/stream.hpp>
#include <weft/value.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// A secret that the lattice has for a provider: never log it.
struct Secret {
  enum class Kind : std::uint8_t { text, bytes };
  Kind kind = Kind::text;
  std::string value;

  bool operator==(const Secret&) const = default;
};
/// Secrets by the name under which a provider looks them up.
using SecretMap = std::map<std::string, Secret>;

/// One link in which the provider is source or target, with its configurations resolved.
struct BuiltinLink {
  std::string source;
  std::string target;
  std::string name;
  std::string wit_namespace;
  std::string wit_package;
  std::vector<std::string> interfaces = {};
  ConfigMap source_config = {};
  ConfigMap target_config = {};
  SecretMap source_secrets = {};  ///< of a provider that is a process: those that the link names for its two ends
  SecretMap target_secrets = {};
};

/// What a provider is started with.
struct BuiltinContext {
  std::string id;  ///< under which it was started: its id in links
  ConfigMap config = {};
  std::string data_dir = {};  ///< a folder of its own that survives restarts; empty: none
  LogSink log = {};           ///< never empty
  std::size_t shards = 1;     ///< CallInfo::shard is below
  /// Runs work that blocks on a thread of the host's pool; false if the pool is full or the provider is being stopped,
  /// and the work is dropped unrun. Valid until stop() has returned; empty: there is no pool.
  std::function<bool(std::move_only_function<void() noexcept> work)> post_blocking = {};
  std::shared_ptr<Caller> caller = {};  ///< calls components over links of which it is the source; never null
  SecretMap secrets = {};               ///< that its configurations name; of a provider that is a process
};

namespace detail {
struct BuiltinState;
struct BuiltinAccess;
}  // namespace detail

class Builtin {
 public:
  Builtin();
  virtual ~Builtin();
  Builtin(const Builtin&) = delete;
  Builtin& operator=(const Builtin&) = delete;

  /// A link has come or changed: one with equal source, target, name, namespace and package replaces the one before. An
  /// error refuses it.
  virtual Result<void> put_link(const BuiltinLink& link);
  /// A link has gone; its configurations are empty. Idempotent.
  virtual void delete_link(const BuiltinLink& link);
  /// Its own configuration has changed. An error keeps the old one.
  virtual Result<void> update_config(const ConfigMap& config);
  /// No function is called any more; a blocking one that would not end within the grace may still run.
  virtual void stop();

 protected:
  /// Serves one function of an interface. `interface` with a version ("acme:a/b@1.0.0") serves that version, without
  /// one every version that is not served by itself. `name` as in WIT: "increment", "[constructor]cart",
  /// "[method]cart.add". The callable answers at once, and must not block; or, if it takes a Reply<T>, later.
  template <class F>
  void function(std::string_view interface, std::string_view name, F callable) {
    if constexpr (detail::Shape<F>::Later::kTaken) {
      add(interface, name, detail::make_reply(std::move(callable)));
    } else {
      add(interface, name, detail::make_answer(std::move(callable), detail::BuiltinFunction::Kind::answers));
    }
  }
  /// The same for a callable that blocks: it runs on a small pool of threads of the host.
  template <class F>
  void blocking(std::string_view interface, std::string_view name, F callable) {
    static_assert(!detail::Shape<F>::Later::kTaken, "a blocking function returns its answer");
    add(interface, name, detail::make_answer(std::move(callable), detail::BuiltinFunction::Kind::blocks));
  }
  /// Lets callers drop what a table holds: "[resource-drop]name".
  template <class T>
  void resource(std::string_view interface, std::string_view name, Resource<T>& table) {
    function(interface, "[resource-drop]" + std::string(name),
             [&table](Handle<T> handle) { static_cast<void>(table.drop(handle)); });
  }

 private:
  friend class detail::HandleTable;
  friend struct detail::BuiltinAccess;
  void add(std::string_view interface, std::string_view name, detail::BuiltinFunction function);

  std::unique_ptr<detail::BuiltinState> state_;
};

/// Errors: invalid_argument (a configuration that cannot be), io.
using BuiltinFactory = std::function<Result<std::unique_ptr<Builtin>>(BuiltinContext context)>;
/// What a program adds to the built-ins of its host, by name.
using BuiltinRegistry = std::map<std::string, BuiltinFactory, std::less<>>;

/// The factory of a class with a constructor, or, if starting may fail, a static function `create`, from
/// BuiltinContext.
template <std::derived_from<Builtin> T>
BuiltinFactory builtin_factory() {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): a T may take it over
  return [](BuiltinContext context) -> Result<std::unique_ptr<Builtin>> {
    if constexpr (std::is_constructible_v<T, BuiltinContext>) {
      return std::make_unique<T>(std::move(context));
    } else {
      WEFT_TRY(auto builtin, T::create(std::move(context)));
      return std::unique_ptr<Builtin>(std::move(builtin));
    }
  };
}

}  // namespace weft
