// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-nats/keyvalue_nats.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "builtins/keyvalue-nats/bucket_store.hpp"
#include "builtins/keyvalue-nats/bucket_watch.hpp"
#include "builtins/keyvalue/keyvalue.hpp"
#include "builtins/link_map.hpp"

namespace weft::builtins::keyvalue_nats {
namespace {

constexpr std::string_view kStore = "wrpc:keyvalue/store";
constexpr std::string_view kAtomics = "wrpc:keyvalue/atomics";
constexpr std::string_view kBatch = "wrpc:keyvalue/batch";
constexpr std::string_view kWatcher = "watcher";

using LinkKey = std::pair<std::string, std::string>;

class KeyvalueNats final : public Builtin {
 public:
  explicit KeyvalueNats(BuiltinContext context)
      : id_(context.id),
        config_(std::move(context.config)),
        log_(std::move(context.log)),
        caller_(std::move(context.caller)),
        lines_("NATS Key-Value Provider", id_, log_),
        stores_(context.shards) {
    add_store();
    add_atomics();
    add_batch();
  }

  Result<void> put_link(const BuiltinLink& link) override {
    return link.target == id_ ? serve(link) : link.source == id_ ? watch(link) : Result<void>();
  }
  void delete_link(const BuiltinLink& link) override {
    if (link.target == id_) {
      stores_.erase(link.source, link.name);
      release(served_, {link.source, link.name});
    } else {
      release(watches_, {link.target, link.name});
    }
  }
  Result<void> update_config(const ConfigMap& config) override {
    // Whatever a link does not say itself changes with it: all are tried before any is changed.
    for (const auto& links : {&served_, &watches_}) {
      for (const auto& [key, held] : *links) {
        WEFT_TRY(const auto settings, Settings::parse(config, config_of(held.link)));
        (void)settings;
      }
    }
    config_ = config;
    Result<void> outcome;
    for (const auto& links : {served_, watches_}) {
      for (const auto& [key, held] : links) {
        if (auto put = put_link(held.link); !put) outcome = std::move(put);
      }
    }
    return outcome;
  }
  void stop() override {
    for (auto* links : {&watches_, &served_}) {
      while (!links->empty()) release(*links, LinkKey(links->begin()->first));
    }
    lines_.close();
  }

 private:
  /// What a link holds of a line.
  struct Held {
    BuiltinLink link;
    std::shared_ptr<BucketStore> store;
    std::shared_ptr<BucketWatch> watch;  ///< null: the provider is the link's target
  };
  using Links = std::map<LinkKey, Held>;

  [[nodiscard]] const ConfigMap& config_of(const BuiltinLink& link) const {
    return link.target == id_ ? link.target_config : link.source_config;
  }

  Result<std::shared_ptr<BucketStore>> make_store(const BuiltinLink& link) {
    WEFT_TRY(auto settings, Settings::parse(config_, config_of(link)));
    WEFT_TRY(auto line, lines_.take(settings.access));
    return std::make_shared<BucketStore>(std::move(line), std::move(settings));
  }

  Result<void> serve(const BuiltinLink& link) {
    WEFT_TRY(auto store, make_store(link));
    look_at(link, store);
    stores_.put(link.source, link.name, store);
    release(served_, {link.source, link.name});
    served_.emplace(LinkKey(link.source, link.name), Held{.link = link, .store = std::move(store), .watch = nullptr});
    return {};
  }

  /// A bucket that is not there yet does not refuse the link: it may come. The operator is told at once all the same.
  void look_at(const BuiltinLink& link, const std::shared_ptr<BucketStore>& store) {
    const auto told = std::make_shared<std::promise<std::optional<Error>>>();
    store->line()->spawn("a first look at a bucket", first_look(store, told));
    auto found = told->get_future();
    if (found.wait_for(std::chrono::seconds(2)) != std::future_status::ready) return;
    if (const auto error = found.get()) {
      log_(LogLevel::warning, id_,
           "the link " + link.name + " of " + link.source + " has no store yet: " + error->to_string());
    }
  }
  static async::Task<void> first_look(std::shared_ptr<BucketStore> store,
                                      std::shared_ptr<std::promise<std::optional<Error>>> told) {
    const auto opened = co_await store->open();
    told->set_value(opened ? std::nullopt : std::optional(opened.error()));
    co_return Result<void>();
  }

  Result<void> watch(const BuiltinLink& link) {
    if (std::ranges::find(link.interfaces, kWatcher) == link.interfaces.end()) return {};
    WEFT_TRY(auto store, make_store(link));
    auto feed = std::make_shared<keyvalue::WatchFeed>(
        keyvalue::WatchFeed::Options{
            .provider = id_,
            .component = link.target,
            .link_name = link.name,
            .link_interface = link.wit_namespace + ":" + link.wit_package + "/" + std::string(kWatcher),
            .bucket = link.name},
        caller_, log_);
    release(watches_, {link.target, link.name});
    auto following = std::make_shared<BucketWatch>(store, std::move(feed), id_, log_);
    following->start();
    watches_.emplace(LinkKey(link.target, link.name),
                     Held{.link = link, .store = std::move(store), .watch = std::move(following)});
    return {};
  }

  void release(Links& links, const LinkKey& key) {
    auto node = links.extract(key);
    if (node.empty()) return;
    const auto& held = node.mapped();
    if (held.watch) held.watch->close();
    held.store->close();
    // Calls that are under way keep what they have of the bucket until they end, which the line waits for.
    lines_.give_back(held.store->line());
  }

  /// Calls `work(store)` with the store that the guest names, or answers that there is none.
  template <class T, class Work>
  void with(const CallInfo& call, Reply<Outcome<T>> reply, std::string_view bucket, Work work) {
    const auto store = stores_.find(call.shard, call.source, bucket);
    if (store) return work(*store, std::move(reply));
    reply.send(Outcome<T>(keyvalue::other(
        "\"" + std::string(call.source) + "\" has no bucket \"" + std::string(bucket) +
        "\": the bucket that a component opens is the name of a link; put one: weft link put " +
        std::string(call.source) + " " + id_ + " wasi keyvalue --interface store --link-name " + std::string(bucket))));
  }
  template <class T>
  static bool fits(std::size_t keys, Reply<Outcome<T>>& reply) {
    if (keys <= keyvalue::kMaxBatchKeys) return true;
    reply.send(Outcome<T>(keyvalue::other("a batch has at most " + std::to_string(keyvalue::kMaxBatchKeys) + " keys")));
    return false;
  }

  void add_store() {
    using Got = std::optional<Bytes>;
    function(kStore, "get",
             [this](const CallInfo& call, Reply<Outcome<Got>> reply, std::string_view bucket, std::string key) {
               with<Got>(call, std::move(reply), bucket,
                         [&](BucketStore& store, auto to) { store.get(std::move(to), std::move(key)); });
             });
    function(kStore, "set",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket, std::string key,
                    Bytes value) {
               with<void>(call, std::move(reply), bucket, [&](BucketStore& store, auto to) {
                 store.set(std::move(to), std::move(key), std::move(value.text));
               });
             });
    function(kStore, "delete",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket, std::string key) {
               with<void>(call, std::move(reply), bucket,
                          [&](BucketStore& store, auto to) { store.erase(std::move(to), std::move(key)); });
             });
    function(kStore, "exists",
             [this](const CallInfo& call, Reply<Outcome<bool>> reply, std::string_view bucket, std::string key) {
               with<bool>(call, std::move(reply), bucket,
                          [&](BucketStore& store, auto to) { store.exists(std::move(to), std::move(key)); });
             });
    function(kStore, "list-keys",
             [this](const CallInfo& call, Reply<Outcome<keyvalue::KeyPage>> reply, std::string_view bucket,
                    std::optional<std::uint64_t> cursor) {
               with<keyvalue::KeyPage>(call, std::move(reply), bucket, [&](BucketStore& store, auto to) {
                 store.list_keys(std::move(to), cursor.value_or(0));
               });
             });
  }

  void add_atomics() {
    function(kAtomics, "increment",
             [this](const CallInfo& call, Reply<Outcome<std::uint64_t>> reply, std::string_view bucket, std::string key,
                    std::uint64_t delta) {
               with<std::uint64_t>(call, std::move(reply), bucket, [&](BucketStore& store, auto to) {
                 store.increment(std::move(to), std::move(key), delta);
               });
             });
  }

  void add_batch() {
    function(kBatch, "get-many",
             [this](const CallInfo& call, Reply<Outcome<BucketStore::Many>> reply, std::string_view bucket,
                    std::vector<std::string> keys) {
               if (!fits(keys.size(), reply)) return;
               with<BucketStore::Many>(call, std::move(reply), bucket, [&](BucketStore& store, auto to) {
                 store.get_many(std::move(to), std::move(keys));
               });
             });
    function(kBatch, "set-many",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket,
                    std::vector<std::tuple<std::string, Bytes>> pairs) {
               if (!fits(pairs.size(), reply)) return;
               with<void>(call, std::move(reply), bucket,
                          [&](BucketStore& store, auto to) { store.set_many(std::move(to), std::move(pairs)); });
             });
    function(kBatch, "delete-many",
             [this](const CallInfo& call, Reply<Outcome<void>> reply, std::string_view bucket,
                    std::vector<std::string> keys) {
               if (!fits(keys.size(), reply)) return;
               with<void>(call, std::move(reply), bucket,
                          [&](BucketStore& store, auto to) { store.erase_many(std::move(to), std::move(keys)); });
             });
  }

  const std::string id_;
  ConfigMap config_;
  const LogSink log_;
  const std::shared_ptr<Caller> caller_;
  nats::Lines lines_;
  LinkMap<BucketStore> stores_;
  Links served_;
  Links watches_;
};

}  // namespace

BuiltinFactory factory() { return builtin_factory<KeyvalueNats>(); }

}  // namespace weft::builtins::keyvalue_nats
