// SPDX-License-Identifier: Apache-2.0
/// A capability provider inside the host ("wasmcloud+builtin://name"): started, linked, configured and stopped by the
/// same commands as a provider process.
///
/// Ownership: the host owns it and destroys it after stop(). Threads: every function here runs on a thread that may
/// block, one at a time for one provider; the target it gives is called from every shard at once.
#pragma once

#include <weft/builtin.hpp>
#include <weft/log.hpp>
#include <weft/result.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "async/shard.hpp"
#include "dispatch/dispatcher.hpp"

namespace weft::builtins {

using ConfigMap = weft::ConfigMap;
/// One link in which the provider is source or target, with its configurations resolved.
using ProviderLink = weft::BuiltinLink;

/// Runs work that blocks on a thread of the host's pool; false when the pool is full, and the work is dropped unrun.
/// As async::BlockingPool::post() does.
using PostBlocking = std::function<bool(std::move_only_function<void() noexcept> work)>;

class Provider {
 public:
  virtual ~Provider() = default;

  /// What answers calls to it; null for one that only calls (http-server).
  [[nodiscard]] virtual std::shared_ptr<dispatch::Target> target() = 0;
  /// A link has come or changed: one with equal source, target, name, namespace and package replaces the one before.
  virtual Result<void> put_link(const ProviderLink& link) = 0;
  /// A link has gone; configurations are empty. Idempotent.
  virtual void delete_link(const ProviderLink& link) = 0;
  /// Its own configuration has changed.
  virtual Result<void> update_config(const ConfigMap& config) = 0;
  /// Refuses new work, waits up to `grace` for what runs, cancels the rest.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  /// Where it listens, with the real ports: "127.0.0.1:8000". Empty for one that does not.
  [[nodiscard]] virtual std::vector<std::string> addresses() const { return {}; }
};

/// What a provider may use of its host; valid until stop() has returned.
struct ProviderContext {
  std::string id;  ///< under which it was started: its id in links
  ConfigMap config = {};
  std::string data_dir = {};  ///< a folder of its own that survives restarts; empty: none
  async::ShardPool* shards = nullptr;
  dispatch::Dispatcher* dispatcher = nullptr;
  LogSink log = {};
  SecretMap secrets = {};
  PostBlocking post_blocking = {};  ///< empty: blocking functions of built-ins answer `unavailable`
};

/// Errors: invalid_argument (a configuration that cannot be), io (an address in use).
using ProviderFactory = std::function<Result<std::unique_ptr<Provider>>(ProviderContext context)>;

/// The built-ins a host offers, by name ("http-server").
using ProviderRegistry = std::map<std::string, ProviderFactory, std::less<>>;

}  // namespace weft::builtins
