// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/keyvalue_redis.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include "builtins/byte_text.hpp"
#include "builtins/guest_text.hpp"
#include "builtins/keyvalue-redis/pool.hpp"
#include "builtins/keyvalue-redis/redis_watch.hpp"
#include "builtins/keyvalue/keyvalue.hpp"
#include "builtins/keyvalue/types.hpp"
#include "builtins/link_map.hpp"

namespace weft::builtins::keyvalue_redis {
namespace {

using keyvalue::KeyPage;
using keyvalue::other;
using keyvalue::Outcome;

constexpr std::string_view kStore = "wrpc:keyvalue/store";
constexpr std::string_view kAtomics = "wrpc:keyvalue/atomics";
constexpr std::string_view kBatch = "wrpc:keyvalue/batch";
constexpr std::string_view kWatcher = "watcher";
/// What watchers are given as bucket, as wasmCloud's provider does.
constexpr std::string_view kAnyBucket = "0";
constexpr std::string_view kKeysAtOnce = "1000";

using LinkKey = std::pair<std::string, std::string>;
using Keys = std::vector<std::string_view>;
using Pairs = std::vector<std::tuple<std::string_view, std::span<const std::byte>>>;
using Many = std::vector<std::optional<std::tuple<std::string, ByteText>>>;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::unexpected<keyvalue::StoreError> told(const Error& error) { return other(guest_text(error)); }

std::unexpected<keyvalue::StoreError> odd_answer() { return other("the Redis server gave an answer of another kind"); }

/// One call's way to its server.
struct Asking {
  Pool& pool;
  const CallInfo& call;

  Result<Answer> operator()(std::span<const std::string_view> words, Repeat repeat = Repeat::allowed) const {
    return pool.ask(&call, words, repeat);
  }
};

Outcome<std::optional<ByteText>> get(const Asking& ask, std::string_view key) {
  auto answer = ask(Words{"GET", key});
  if (!answer) return told(answer.error());
  if (answer->is_nothing()) return std::optional<ByteText>();
  auto* const text = answer->text();
  if (text == nullptr) return odd_answer();
  return std::optional(ByteText{std::move(*text)});
}

Outcome<void> change(const Asking& ask, std::span<const std::string_view> words) {
  const auto answer = ask(words);
  if (!answer) return told(answer.error());
  return {};
}

Outcome<bool> exists(const Asking& ask, std::string_view key) {
  const auto answer = ask(Words{"EXISTS", key});
  if (!answer) return told(answer.error());
  const auto* const number = answer->number();
  if (number == nullptr) return odd_answer();
  return *number > 0;
}

Outcome<KeyPage> list_keys(const Asking& ask, std::uint64_t cursor) {
  KeyPage page;
  // A page may be empty though more keys follow; a guest gets one that is not.
  do {
    if (ask.call.is_cancelled()) return other("cancelled");
    const auto from = std::to_string(cursor);
    auto answer = ask(Words{"SCAN", from, "COUNT", kKeysAtOnce});
    if (!answer) return told(answer.error());
    auto* const parts = answer->list();
    auto* const next = parts != nullptr && parts->size() == 2 ? (*parts)[0].text() : nullptr;
    auto* const keys = next != nullptr ? (*parts)[1].list() : nullptr;
    if (keys == nullptr) return odd_answer();
    const auto [end, fault] = std::from_chars(next->data(), next->data() + next->size(), cursor);
    if (fault != std::errc() || end != next->data() + next->size()) return odd_answer();
    for (auto& key : *keys) {
      // A key that is no text cannot be given to a guest.
      if (auto* const text = key.text(); text != nullptr && utf8_prefix(*text) == text->size()) {
        page.keys.push_back(std::move(*text));
      }
    }
  } while (page.keys.empty() && cursor != 0);
  if (cursor != 0) page.cursor = cursor;
  return page;
}

Outcome<std::uint64_t> increment(const Asking& ask, std::string_view key, std::uint64_t delta) {
  if (delta > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return other("the number would overflow: Redis counts up to 9223372036854775807");
  }
  const auto by = std::to_string(delta);
  const auto answer = ask(Words{"INCRBY", key, by}, Repeat::never);
  if (!answer) {
    const auto& message = answer.error().message();
    if (message.contains("not an integer")) return other("the value of " + std::string(key) + " is not a number");
    if (message.contains("would overflow")) return other("the number would overflow");
    return told(answer.error());
  }
  const auto* const number = answer->number();
  if (number == nullptr) return odd_answer();
  if (*number < 0) return other("the number is negative");
  return static_cast<std::uint64_t>(*number);
}

Outcome<Many> get_many(const Asking& ask, const Keys& keys) {
  if (keys.empty()) return Many();
  Words words{"MGET"};
  words.insert(words.end(), keys.begin(), keys.end());
  auto answer = ask(words);
  if (!answer) return told(answer.error());
  auto* const values = answer->list();
  if (values == nullptr || values->size() != keys.size()) return odd_answer();
  Many many(keys.size());
  for (std::size_t index = 0; index < keys.size(); ++index) {
    if (auto* const text = (*values)[index].text())
      many[index].emplace(std::string(keys[index]), ByteText{std::move(*text)});
  }
  return many;
}

Outcome<void> set_many(const Asking& ask, const Pairs& pairs) {
  if (pairs.empty()) return {};
  Words words{"MSET"};
  for (const auto& [key, value] : pairs) {
    words.push_back(key);
    words.push_back(text_of(value));
  }
  return change(ask, words);
}

Outcome<void> erase_many(const Asking& ask, const Keys& keys) {
  if (keys.empty()) return {};
  Words words{"DEL"};
  words.insert(words.end(), keys.begin(), keys.end());
  return change(ask, words);
}

class KeyvalueRedis final : public Builtin {
 public:
  static Result<std::unique_ptr<KeyvalueRedis>> create(BuiltinContext context) {
    WEFT_TRY(auto settings, Settings::parse(context.config));
    return std::unique_ptr<KeyvalueRedis>(new KeyvalueRedis(std::move(context), std::move(settings)));
  }

  Result<void> put_link(const BuiltinLink& link) override {
    return link.target == id_ ? serve(link) : link.source == id_ ? watch(link) : Result<void>();
  }
  void delete_link(const BuiltinLink& link) override {
    if (link.target == id_) {
      pools_.erase(link.source, link.name);
      release(served_, {link.source, link.name});
    } else {
      release(watches_, {link.target, link.name});
    }
  }
  Result<void> update_config(const ConfigMap& config) override {
    WEFT_TRY(auto settings, Settings::parse(config));
    settings_ = std::move(settings);
    // The links that are put again would else meet the old connections of their URL.
    shared_.clear();
    Result<void> outcome;
    for (const auto& links : {links_of(served_), links_of(watches_)}) {
      for (const auto& link : links) {
        if (auto put = put_link(link); !put) outcome = std::move(put);
      }
    }
    return outcome;
  }
  void stop() override {
    for (auto* links : {&watches_, &served_}) {
      while (!links->empty()) release(*links, LinkKey(links->begin()->first));
    }
  }

 private:
  /// What a link holds.
  struct Held {
    BuiltinLink link;
    std::shared_ptr<Pool> pool;
    std::unique_ptr<RedisWatch> watch;  ///< null: the provider is the link's target
  };
  using Links = std::map<LinkKey, Held>;

  KeyvalueRedis(BuiltinContext context, Settings settings)
      : id_(context.id),
        log_(std::move(context.log)),
        caller_(std::move(context.caller)),
        settings_(std::move(settings)),
        pools_(context.shards) {
    add_functions();
  }

  static std::vector<BuiltinLink> links_of(const Links& held) {
    std::vector<BuiltinLink> links;
    for (const auto& [key, one] : held) links.push_back(one.link);
    return links;
  }

  /// The connections for a link with that configuration, which a server lets in, or which is away.
  Result<std::shared_ptr<Pool>> make_pool(const BuiltinLink& link, const ConfigMap& config) {
    const auto* const own = find_any_case(config, "URL");
    const bool has_own = own != nullptr && !own->empty();
    if (!has_own && settings_.needs_own_url) {
      return Error(Errc::invalid_argument,
                   "the link " + link.name + " has no URL, and the default connection is disabled",
                   "give the link a URL, or the provider no DISABLE_DEFAULT_CONNECTION", Blame::operator_);
    }
    const auto& url = has_own ? *own : settings_.url;
    const bool is_shared = !has_own || settings_.shares_by_url;
    if (is_shared) {
      if (auto known = shared_[url].lock()) return known;
    }
    WEFT_TRY(auto server, Server::parse(url));
    auto pool = std::make_shared<Pool>(std::move(server), settings_);
    if (const auto seen = pool->look(); !seen) {
      if (seen.error().code() != Errc::unavailable && seen.error().code() != Errc::deadline_exceeded)
        return seen.error();
      log_(LogLevel::warning, id_, "the link " + link.name + " has no store yet: " + seen.error().to_string());
    }
    if (is_shared) shared_[url] = pool;
    return pool;
  }

  Result<void> serve(const BuiltinLink& link) {
    WEFT_TRY(auto pool, make_pool(link, link.target_config));
    pools_.put(link.source, link.name, pool);
    release(served_, {link.source, link.name});
    served_.emplace(LinkKey(link.source, link.name), Held{.link = link, .pool = std::move(pool), .watch = nullptr});
    return {};
  }

  Result<void> watch(const BuiltinLink& link) {
    if (std::ranges::find(link.interfaces, kWatcher) == link.interfaces.end()) return {};
    const auto* const text = find_any_case(link.source_config, "watch");
    WEFT_TRY(auto list, keyvalue::WatchList::parse(text == nullptr ? std::string_view() : std::string_view(*text)));
    WEFT_TRY(auto pool, make_pool(link, link.source_config));
    WEFT_CHECK(check_notifications(*pool));
    auto feed = std::make_shared<keyvalue::WatchFeed>(
        keyvalue::WatchFeed::Options{
            .provider = id_,
            .component = link.target,
            .link_name = link.name,
            .link_interface = link.wit_namespace + ":" + link.wit_package + "/" + std::string(kWatcher),
            .bucket = std::string(kAnyBucket)},
        caller_, log_);
    release(watches_, {link.target, link.name});
    auto following = std::make_unique<RedisWatch>(pool, std::move(list), std::move(feed), id_, log_);
    WEFT_CHECK(following->start());
    watches_.emplace(LinkKey(link.target, link.name),
                     Held{.link = link, .pool = std::move(pool), .watch = std::move(following)});
    return {};
  }

  /// A server that tells nothing would leave a watcher waiting for ever. One that does not let itself be asked may
  /// tell.
  Result<void> check_notifications(Pool& pool) const {
    auto answer = pool.ask(nullptr, Words{"CONFIG", "GET", "notify-keyspace-events"}, Repeat::allowed);
    if (!answer) {
      log_(LogLevel::warning, id_, "cannot see whether Redis tells of changes: " + answer.error().to_string());
      return {};
    }
    auto* const parts = answer->list();
    auto* const setting = parts != nullptr && parts->size() == 2 ? (*parts)[1].text() : nullptr;
    if (setting == nullptr || notifies(*setting)) return {};
    return Error(Errc::invalid_argument, "the Redis server at " + pool.server().shown() + " does not tell of changes",
                 "switch it on: CONFIG SET notify-keyspace-events K$gxe", Blame::operator_);
  }

  void release(Links& links, const LinkKey& key) {
    auto node = links.extract(key);
    if (node.empty()) return;
    auto& held = node.mapped();
    held.watch.reset();
    if (!is_used(held.pool)) held.pool->close();
  }
  [[nodiscard]] bool is_used(const std::shared_ptr<Pool>& pool) const {
    return std::ranges::any_of(std::array{&served_, &watches_}, [&pool](const Links* links) {
      return std::ranges::any_of(*links, [&pool](const auto& item) { return item.second.pool == pool; });
    });
  }

  /// Calls `work(asking)` for the link that is called over, or answers that there is none.
  template <class T, class Work>
  Outcome<T> with(const CallInfo& call, Work work) {
    const auto pool = pools_.find_anywhere(call.source, call.link_name);
    if (pool) return work(Asking{.pool = *pool, .call = call});
    return other("\"" + std::string(call.source) + "\" has no Redis server over its link \"" +
                 std::string(call.link_name) + "\": put the link again, and see the log of " + id_ +
                 " if it is refused");
  }
  /// The same for as many keys as a batch may have.
  template <class T, class Work>
  Outcome<T> with_batch(const CallInfo& call, std::size_t keys, Work work) {
    if (keys <= keyvalue::kMaxBatchKeys) return with<T>(call, std::move(work));
    return other("a batch has at most " + std::to_string(keyvalue::kMaxBatchKeys) + " keys");
  }

  void add_functions() {
    using Text = std::string_view;
    blocking(kStore, "get", [this](const CallInfo& call, Text /*bucket*/, Text key) {
      return with<std::optional<ByteText>>(call, [&](const Asking& ask) { return get(ask, key); });
    });
    blocking(kStore, "set", [this](const CallInfo& call, Text /*bucket*/, Text key, std::span<const std::byte> value) {
      return with<void>(call, [&](const Asking& ask) { return change(ask, Words{"SET", key, text_of(value)}); });
    });
    blocking(kStore, "delete", [this](const CallInfo& call, Text /*bucket*/, Text key) {
      return with<void>(call, [&](const Asking& ask) { return change(ask, Words{"DEL", key}); });
    });
    blocking(kStore, "exists", [this](const CallInfo& call, Text /*bucket*/, Text key) {
      return with<bool>(call, [&](const Asking& ask) { return exists(ask, key); });
    });
    blocking(kStore, "list-keys", [this](const CallInfo& call, Text /*bucket*/, std::optional<std::uint64_t> cursor) {
      return with<KeyPage>(call, [&](const Asking& ask) { return list_keys(ask, cursor.value_or(0)); });
    });
    blocking(kAtomics, "increment", [this](const CallInfo& call, Text /*bucket*/, Text key, std::uint64_t delta) {
      return with<std::uint64_t>(call, [&](const Asking& ask) { return increment(ask, key, delta); });
    });
    blocking(kBatch, "get-many", [this](const CallInfo& call, Text /*bucket*/, const Keys& keys) {
      return with_batch<Many>(call, keys.size(), [&](const Asking& ask) { return get_many(ask, keys); });
    });
    blocking(kBatch, "set-many", [this](const CallInfo& call, Text /*bucket*/, const Pairs& pairs) {
      return with_batch<void>(call, pairs.size(), [&](const Asking& ask) { return set_many(ask, pairs); });
    });
    blocking(kBatch, "delete-many", [this](const CallInfo& call, Text /*bucket*/, const Keys& keys) {
      return with_batch<void>(call, keys.size(), [&](const Asking& ask) { return erase_many(ask, keys); });
    });
  }

  const std::string id_;
  const LogSink log_;
  const std::shared_ptr<Caller> caller_;
  Settings settings_;
  LinkMap<Pool> pools_;
  Links served_;
  Links watches_;
  std::map<std::string, std::weak_ptr<Pool>, std::less<>> shared_;  ///< by URL
};

}  // namespace

BuiltinFactory factory() { return builtin_factory<KeyvalueRedis>(); }

}  // namespace weft::builtins::keyvalue_redis
