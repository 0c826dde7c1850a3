// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/keyvalue.hpp"

#include <memory>
#include <utility>

#include "builtins/keyvalue/memory_store.hpp"
#include "builtins/keyvalue/options.hpp"
#include "builtins/keyvalue/sqlite_store.hpp"
#include "builtins/keyvalue/types.hpp"
#include "builtins/published.hpp"

namespace weft::builtins::keyvalue {
namespace {

constexpr std::string_view kStore = "wrpc:keyvalue/store";
constexpr std::string_view kAtomics = "wrpc:keyvalue/atomics";
constexpr std::string_view kBatch = "wrpc:keyvalue/batch";

using Cursor = std::optional<std::uint64_t>;
using Keys = std::vector<std::string_view>;
using Pairs = std::vector<KeyValueView>;

/// What both back-ends share: options that may change.
class Keyvalue : public Builtin {
 public:
  Result<void> put_link(const BuiltinLink& link) override { return check_link(link.target_config); }

  Result<void> update_config(const ConfigMap& config) override {
    WEFT_TRY(auto next, Options::parse(config, data_dir_));
    const auto now = options_.get();
    if (next.backend != now->backend || next.path != now->path) {
      return Error(Errc::invalid_argument, "the keyvalue provider cannot change its back-end while it runs",
                   "stop it and start it with the new configuration", Blame::operator_);
    }
    options_.publish(std::make_shared<const Options>(std::move(next)));
    return {};
  }

 protected:
  Keyvalue(const BuiltinContext& context, Options options)
      : options_(context.shards, std::make_shared<const Options>(std::move(options))), data_dir_(context.data_dir) {}

  /// On the call's shard.
  [[nodiscard]] const Options& options(const CallInfo& call) { return *options_.read(call.shard); }
  /// On any thread.
  [[nodiscard]] std::shared_ptr<const Options> any_options() const { return options_.get(); }

  [[nodiscard]] static Outcome<void> check_batch(std::size_t size) {
    if (size <= kMaxBatchKeys) return {};
    return other("a batch has at most " + std::to_string(kMaxBatchKeys) + " keys");
  }

 private:
  Published<Options> options_;
  std::string data_dir_;
};

class MemoryKeyvalue final : public Keyvalue {
 public:
  MemoryKeyvalue(const BuiltinContext& context, Options options) : Keyvalue(context, std::move(options)) {
    add_store();
    add_atomics();
    add_batch();
  }

 private:
  /// Calls `work(name of the bucket, limits)` if the link allows it.
  template <class T, class Work>
  Outcome<T> with(const CallInfo& call, std::string_view bucket, Access access, Work work) {
    const Options& now = options(call);
    const auto name = resolve_bucket(now, call, bucket, access);
    if (!name) return std::unexpected(name.error());
    return work(*name, now.limits);
  }

  void add_store() {
    function(kStore, "get", [this](const CallInfo& call, std::string_view bucket, std::string_view key) {
      return with<std::optional<Value>>(call, bucket, Access::read, [&](const auto& name, const Limits&) {
        return Outcome<std::optional<Value>>(store_.get(name, key));
      });
    });
    function(
        kStore, "set",
        [this](const CallInfo& call, std::string_view bucket, std::string_view key, std::span<const std::byte> value) {
          return with<void>(call, bucket, Access::write, [&](const auto& name, const Limits& limits) {
            return store_.set(limits, name, key, value);
          });
        });
    function(kStore, "delete", [this](const CallInfo& call, std::string_view bucket, std::string_view key) {
      return with<void>(call, bucket, Access::write, [&](const auto& name, const Limits&) {
        store_.erase(name, key);
        return Outcome<void>();
      });
    });
    function(kStore, "exists", [this](const CallInfo& call, std::string_view bucket, std::string_view key) {
      return with<bool>(call, bucket, Access::read,
                        [&](const auto& name, const Limits&) { return Outcome<bool>(store_.exists(name, key)); });
    });
    function(kStore, "list-keys", [this](const CallInfo& call, std::string_view bucket, Cursor cursor) {
      return with<KeyPage>(call, bucket, Access::read, [&](const auto& name, const Limits&) {
        return Outcome<KeyPage>(store_.list(name, cursor.value_or(0)));
      });
    });
  }

  void add_atomics() {
    function(kAtomics, "increment",
             [this](const CallInfo& call, std::string_view bucket, std::string_view key, std::uint64_t delta) {
               return with<std::uint64_t>(call, bucket, Access::write, [&](const auto& name, const Limits& limits) {
                 return store_.increment(limits, name, key, delta);
               });
             });
  }

  void add_batch() {
    function(kBatch, "get-many", [this](const CallInfo& call, std::string_view bucket, const Keys& keys) {
      return with<std::vector<Found>>(
          call, bucket, Access::read, [&](const auto& name, const Limits&) -> Outcome<std::vector<Found>> {
            if (auto fits = check_batch(keys.size()); !fits) return std::unexpected(fits.error());
            std::vector<Found> found;
            for (const std::string_view key : keys) {
              auto value = store_.get(name, key);
              found.push_back(value ? Found(std::in_place, std::string(key), *std::move(value)) : std::nullopt);
            }
            return found;
          });
    });
    function(kBatch, "set-many", [this](const CallInfo& call, std::string_view bucket, const Pairs& pairs) {
      return with<void>(call, bucket, Access::write,
                        [&](const auto& name, const Limits& limits) { return set_many(limits, name, pairs); });
    });
    function(kBatch, "delete-many", [this](const CallInfo& call, std::string_view bucket, const Keys& keys) {
      return with<void>(call, bucket, Access::write, [&](const auto& name, const Limits&) -> Outcome<void> {
        if (auto fits = check_batch(keys.size()); !fits) return fits;
        for (const std::string_view key : keys) store_.erase(name, key);
        return {};
      });
    });
  }

  Outcome<void> set_many(const Limits& limits, const std::string& name, const Pairs& pairs) {
    if (auto fits = check_batch(pairs.size()); !fits) return fits;
    // What can be known to fail fails before anything is changed.
    for (const auto& [key, value] : pairs) {
      if (auto fits = check_pair(limits, key, value); !fits) return fits;
    }
    for (const auto& [key, value] : pairs) {
      if (auto done = store_.set(limits, name, key, value); !done) return done;
    }
    return {};
  }

  MemoryStore store_;
};

class SqliteKeyvalue final : public Keyvalue {
 public:
  SqliteKeyvalue(const BuiltinContext& context, Options options, std::unique_ptr<SqliteStore> store)
      : Keyvalue(context, std::move(options)), store_(std::move(store)) {
    add_store();
    add_atomics();
    add_batch();
  }
  void stop() override { store_->close(); }

 private:
  /// Reads run on the host's pool.
  template <class T, class Work>
  Outcome<T> read(const CallInfo& call, std::string_view bucket, Work work) {
    const auto name = resolve_bucket(*any_options(), call, bucket, Access::read);
    if (!name) return std::unexpected(name.error());
    return work(*name);
  }

  /// Changes go to the writer's queue: `work(writer, limits, name)`, all of it by value.
  template <class T, class Work>
  void change(const CallInfo& call, Reply<Outcome<T>> reply, std::string_view bucket, Work work) {
    const Options& now = options(call);
    auto name = resolve_bucket(now, call, bucket, Access::write);
    if (!name) {
      reply.send(Outcome<T>(std::unexpected(name.error())));
      return;
    }
    store_->change<T>(std::move(reply), [name = *std::move(name), limits = now.limits, work = std::move(work)](
                                            SqliteWriter& writer) mutable { return work(writer, limits, name); });
  }

  void add_store() {
    blocking(kStore, "get", [this](const CallInfo& call, std::string_view bucket, std::string_view key) {
      return read<std::optional<Value>>(call, bucket, [&](const auto& name) { return store_->get(name, key); });
    });
    blocking(kStore, "exists", [this](const CallInfo& call, std::string_view bucket, std::string_view key) {
      return read<bool>(call, bucket, [&](const auto& name) { return store_->exists(name, key); });
    });
    blocking(kStore, "list-keys", [this](const CallInfo& call, std::string_view bucket, Cursor cursor) {
      return read<KeyPage>(call, bucket, [&](const auto& name) { return store_->list(name, cursor.value_or(0)); });
    });
    function(kStore, "set",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket, std::string key,
                    std::vector<std::byte> value) {
               change<void>(call, std::move(reply), bucket,
                            [key = std::move(key), value = std::move(value)](SqliteWriter& writer, const Limits& limits,
                                                                             const std::string& name) {
                              return writer.set(limits, name, key, value);
                            });
             });
    function(kStore, "delete",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket, std::string key) {
               change<void>(call, std::move(reply), bucket,
                            [key = std::move(key)](SqliteWriter& writer, const Limits&, const std::string& name) {
                              return writer.erase(name, key);
                            });
             });
  }

  void add_atomics() {
    function(kAtomics, "increment",
             [this](const CallInfo& call, Reply<Outcome<std::uint64_t>> reply, std::string_view bucket, std::string key,
                    std::uint64_t delta) {
               change<std::uint64_t>(
                   call, std::move(reply), bucket,
                   [key = std::move(key), delta](SqliteWriter& writer, const Limits& limits, const std::string& name) {
                     return writer.increment(limits, name, key, delta);
                   });
             });
  }

  void add_batch() {
    blocking(kBatch, "get-many", [this](const CallInfo& call, std::string_view bucket, const Keys& keys) {
      return read<std::vector<Found>>(call, bucket,
                                      [&](const std::string& name) { return get_many(call, name, keys); });
    });
    function(kBatch, "set-many",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket,
                    std::vector<std::tuple<std::string, std::vector<std::byte>>> pairs) {
               change<void>(call, std::move(reply), bucket,
                            [pairs = std::move(pairs)](SqliteWriter& writer, const Limits& limits,
                                                       const std::string& name) -> Result<Outcome<void>> {
                              if (auto fits = check_batch(pairs.size()); !fits) return fits;
                              for (const auto& [key, value] : pairs) {
                                WEFT_TRY(auto done, writer.set(limits, name, key, value));
                                if (!done) return done;
                              }
                              return Outcome<void>();
                            });
             });
    function(kBatch, "delete-many",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket,
                    std::vector<std::string> keys) {
               change<void>(call, std::move(reply), bucket,
                            [keys = std::move(keys)](SqliteWriter& writer, const Limits&,
                                                     const std::string& name) -> Result<Outcome<void>> {
                              if (auto fits = check_batch(keys.size()); !fits) return fits;
                              for (const std::string& key : keys) {
                                WEFT_TRY(auto done, writer.erase(name, key));
                                if (!done) return done;
                              }
                              return Outcome<void>();
                            });
             });
  }

  Outcome<std::vector<Found>> get_many(const CallInfo& call, const std::string& name, const Keys& keys) {
    if (auto fits = check_batch(keys.size()); !fits) return std::unexpected(fits.error());
    std::vector<Found> found;
    for (const std::string_view key : keys) {
      if (call.is_cancelled()) return other("cancelled");
      auto value = store_->get(name, key);
      if (!value) return std::unexpected(value.error());
      found.push_back(*value ? Found(std::in_place, std::string(key), **std::move(value)) : std::nullopt);
    }
    return found;
  }

  std::unique_ptr<SqliteStore> store_;
};

Result<std::unique_ptr<Builtin>> start(const BuiltinContext& context) {
  WEFT_TRY(auto options, Options::parse(context.config, context.data_dir));
  if (options.backend == Backend::memory) return std::make_unique<MemoryKeyvalue>(context, std::move(options));
  WEFT_TRY(auto store, SqliteStore::open(options.path, options.limits.max_total_bytes));
  return std::make_unique<SqliteKeyvalue>(context, std::move(options), std::move(store));
}

}  // namespace

BuiltinFactory factory() {
  return [](const BuiltinContext& context) { return start(context); };
}

}  // namespace weft::builtins::keyvalue
