// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/keyvalue.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "builtins/builtin_provider.hpp"
#include "builtins/fake_caller.hpp"
#include "builtins/keyvalue/types.hpp"

namespace weft::builtins::keyvalue {
namespace {

constexpr std::string_view kStore = "wrpc:keyvalue/store@0.2.0-draft";
constexpr std::string_view kAtomics = "wrpc:keyvalue/atomics@0.2.0-draft";
constexpr std::string_view kBatch = "wrpc:keyvalue/batch@0.2.0-draft";

using Bytes = std::vector<std::byte>;
using Got = Outcome<std::optional<Bytes>>;
using Many = Outcome<std::vector<std::optional<std::tuple<std::string, Bytes>>>>;

Bytes bytes(std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  return {raw.begin(), raw.end()};
}

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-keyvalue-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

/// Every test runs on both back-ends.
class KeyvalueTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { start({}); }
  ~KeyvalueTest() override { stop(); }

  Result<void> try_start(ConfigMap config) {
    stop();
    config.try_emplace("backend", GetParam());
    ProviderContext context;
    context.id = "kv";
    context.config = std::move(config);
    context.data_dir = folder.path.string();
    context.shards = &caller.shards();
    context.post_blocking = pool.post();
    WEFT_TRY(provider, provider_factory(factory())(std::move(context)));
    target = provider->target();
    return {};
  }
  void start(ConfigMap config) {
    const auto started = try_start(std::move(config));
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void stop() {
    if (provider != nullptr) provider->stop(std::chrono::milliseconds(100));
    target.reset();
    provider.reset();
  }
  Result<void> link(std::string source, ConfigMap config) {
    return provider->put_link({.source = std::move(source),
                               .target = "kv",
                               .name = "default",
                               .wit_namespace = "wasi",
                               .wit_package = "keyvalue",
                               .interfaces = {"store", "atomics", "batch"},
                               .target_config = std::move(config)});
  }

  Got get(std::string_view key, std::string_view bucket = "default") {
    return unwrap(caller.call<Got>(*target, kStore, "get", bucket, key));
  }
  Outcome<void> set(std::string_view key, std::string_view value, std::string_view bucket = "default") {
    return unwrap(caller.call<Outcome<void>>(*target, kStore, "set", bucket, key, bytes(value)));
  }
  Outcome<std::uint64_t> increment(std::string_view key, std::uint64_t by, std::size_t shard = 0) {
    return unwrap(caller.call_on<Outcome<std::uint64_t>>(shard, *target, kAtomics, "increment", "default", key, by));
  }
  struct Page {
    std::vector<std::string> keys;
    std::optional<std::uint64_t> cursor;
    static constexpr auto fields = std::tuple{&Page::keys, &Page::cursor};
  };
  Outcome<Page> list(std::optional<std::uint64_t> cursor = {}) {
    return unwrap(caller.call<Outcome<Page>>(*target, kStore, "list-keys", "default", cursor));
  }
  template <class T>
  static T unwrap(Result<T> result) {
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *std::move(result) : T();
  }
  static std::string why(const StoreError& error) {
    if (error.index() == 2) return std::get<2>(error);
    return error.index() == 0 ? "no-such-store" : "access-denied";
  }

  Folder folder;
  FakePool pool;
  FakeCaller caller;
  std::unique_ptr<Provider> provider;
  std::shared_ptr<dispatch::Target> target;
};

INSTANTIATE_TEST_SUITE_P(Backends, KeyvalueTest, testing::Values("memory", "sqlite"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(KeyvalueTest, gives_back_what_was_set) {
  EXPECT_EQ(get("k"), Got(std::nullopt));
  EXPECT_TRUE(set("k", "v"));
  EXPECT_EQ(get("k"), Got(bytes("v")));
  EXPECT_TRUE(set("k", ""));
  EXPECT_EQ(get("k"), Got(Bytes()));
  EXPECT_EQ(get("k", "elsewhere"), Got(std::nullopt)) << "buckets are apart";
  EXPECT_TRUE(*unwrap(caller.call<Outcome<bool>>(*target, kStore, "exists", "default", "k")));
  EXPECT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kStore, "delete", "default", "k")));
  EXPECT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kStore, "delete", "default", "k"))) << "twice";
  EXPECT_FALSE(*unwrap(caller.call<Outcome<bool>>(*target, kStore, "exists", "default", "k")));
}

TEST_P(KeyvalueTest, answers_with_the_bytes_of_the_protocol) {
  ASSERT_TRUE(set("counter", "42"));
  const auto results = caller.call_bytes(*target, kStore, "get", *encode(std::tuple("default", "counter")));
  EXPECT_EQ(*results, (Bytes{std::byte{0}, std::byte{1}, std::byte{2}, std::byte{'4'}, std::byte{'2'}}));
}

TEST_P(KeyvalueTest, keys_and_values_are_any_bytes) {
  const std::string odd("a\0b", 3);
  ASSERT_TRUE(set(odd, odd));
  EXPECT_EQ(get(odd), Got(bytes(odd)));
  EXPECT_EQ(get("a"), Got(std::nullopt));
  EXPECT_EQ(list()->keys, std::vector<std::string>{odd});
}

TEST_P(KeyvalueTest, increments_numbers_and_refuses_the_rest) {
  EXPECT_EQ(*increment("n", 5), 5U);
  EXPECT_EQ(*increment("n", 295), 300U);
  EXPECT_EQ(get("n"), Got(bytes("300")));
  ASSERT_TRUE(set("text", "12x"));
  EXPECT_EQ(why(increment("text", 1).error()), "the value is not a number");
  ASSERT_TRUE(set("huge", "18446744073709551615"));
  EXPECT_EQ(why(increment("huge", 1).error()), "the number would overflow");
  EXPECT_EQ(get("huge"), Got(bytes("18446744073709551615")));
}

TEST_P(KeyvalueTest, increments_of_all_shards_add_up) {
  constexpr std::uint64_t rounds = 300;
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < caller.shards().size(); ++shard) {
    threads.emplace_back([this, shard] {
      for (std::uint64_t round = 0; round < rounds; ++round) EXPECT_TRUE(increment("n", 1, shard));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*increment("n", 0), rounds * caller.shards().size());
}

TEST_P(KeyvalueTest, lists_every_key_once_page_by_page_while_others_come_and_go) {
  std::vector<std::tuple<std::string, Bytes>> pairs;
  for (int index = 0; index < 2500; ++index) pairs.emplace_back("key" + std::to_string(index), Bytes());
  ASSERT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kBatch, "set-many", "default", pairs)));
  std::multiset<std::string> seen;
  std::optional<std::uint64_t> cursor;
  int pages = 0;
  do {
    const auto page = list(cursor);
    ASSERT_TRUE(page);
    seen.insert(page->keys.begin(), page->keys.end());
    cursor = page->cursor;
    ++pages;
    ASSERT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kStore, "delete", "default", page->keys.front())));
  } while (cursor);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), 2500U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 2500U);
  EXPECT_TRUE(list(~std::uint64_t{0})->keys.empty());
}

TEST_P(KeyvalueTest, batches_get_set_and_delete) {
  const std::vector<std::tuple<std::string, Bytes>> pairs = {{"a", bytes("1")}, {"b", bytes("2")}};
  ASSERT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kBatch, "set-many", "default", pairs)));
  const std::vector<std::string> keys = {"a", "x", "b"};
  const auto many = unwrap(caller.call<Many>(*target, kBatch, "get-many", "default", keys));
  ASSERT_EQ(many->size(), 3U);
  EXPECT_EQ(many->at(0), std::tuple("a", bytes("1")));
  EXPECT_EQ(many->at(1), std::nullopt);
  EXPECT_EQ(many->at(2), std::tuple("b", bytes("2")));
  ASSERT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kBatch, "delete-many", "default", keys)));
  EXPECT_TRUE(list()->keys.empty());
  const auto refused = unwrap(caller.call<Outcome<void>>(*target, kBatch, "delete-many", "default",
                                                         std::vector<std::string>(kMaxBatchKeys + 1)));
  EXPECT_EQ(why(refused.error()), "a batch has at most 10000 keys");
}

TEST_P(KeyvalueTest, limits_refuse_and_change_nothing) {
  start({{"max_value_bytes", "4"}, {"max_key_bytes", "3"}, {"max_keys", "2"}});
  EXPECT_TRUE(set("abc", "1234"));
  EXPECT_EQ(why(set("abc", "12345").error()), "the value is larger than 4 bytes");
  EXPECT_EQ(why(set("abcd", "1").error()), "the key is longer than 3 bytes");
  EXPECT_EQ(get("abc"), Got(bytes("1234")));
  EXPECT_TRUE(set("n", "1"));
  EXPECT_EQ(why(set("x", "1").error()), "the store holds as many keys as it may");
  EXPECT_EQ(why(increment("x", 1).error()), "the store holds as many keys as it may");
  EXPECT_TRUE(set("n", "2")) << "replacing is no new key";
  EXPECT_TRUE(unwrap(caller.call<Outcome<void>>(*target, kStore, "delete", "default", "n")));
  EXPECT_TRUE(set("x", "1"));
}

TEST_P(KeyvalueTest, only_the_buckets_of_the_configuration_exist) {
  start({{"buckets", "orders, carts"}});
  EXPECT_TRUE(set("k", "v", "carts"));
  EXPECT_EQ(why(set("k", "v").error()), "no-such-store");
  EXPECT_EQ(why(get("k").error()), "no-such-store");
  ASSERT_TRUE(provider->update_config({{"backend", GetParam()}, {"buckets", "default"}}));
  EXPECT_TRUE(set("k", "v"));
  EXPECT_EQ(why(get("k", "carts").error()), "no-such-store");
}

TEST_P(KeyvalueTest, a_read_only_link_may_not_write) {
  ASSERT_TRUE(set("k", "v"));
  ASSERT_TRUE(link("caller", {{"access", "read_only"}}));
  EXPECT_EQ(get("k"), Got(bytes("v")));
  EXPECT_EQ(why(set("k", "w").error()), "access-denied");
  EXPECT_EQ(why(increment("k", 1).error()), "access-denied");
  const std::vector<std::string> keys = {"k"};
  EXPECT_EQ(why(unwrap(caller.call<Outcome<void>>(*target, kBatch, "delete-many", "default", keys)).error()),
            "access-denied");
}

TEST_P(KeyvalueTest, sources_share_buckets_unless_their_link_isolates_them) {
  ASSERT_TRUE(set("k", "shared"));
  caller.context.source = "other";
  EXPECT_EQ(get("k"), Got(bytes("shared")));
  ASSERT_TRUE(link("other", {{"isolation", "source"}}));
  EXPECT_EQ(get("k"), Got(std::nullopt));
  ASSERT_TRUE(set("k", "own"));
  EXPECT_EQ(get("k"), Got(bytes("own")));
  caller.context.source = "caller";
  EXPECT_EQ(get("k"), Got(bytes("shared")));
  for (const std::string_view guess : {"5:otherdefault", "i5:otherdefault", "other/default"}) {
    EXPECT_EQ(get("k", guess), Got(std::nullopt)) << guess;
  }
}

TEST_P(KeyvalueTest, a_prefix_moves_the_buckets_of_a_link) {
  ASSERT_TRUE(link("caller", {{"bucket_prefix", "shop-"}}));
  ASSERT_TRUE(set("k", "v"));
  ASSERT_TRUE(link("caller", {}));
  EXPECT_EQ(get("k"), Got(std::nullopt));
  EXPECT_EQ(get("k", "shop-default"), Got(bytes("v")));
}

TEST_P(KeyvalueTest, options_that_cannot_be_are_refused_by_name) {
  EXPECT_EQ(try_start({{"max_keys", "many"}}).error().code(), Errc::invalid_argument);
  EXPECT_NE(try_start({{"backend", "tape"}}).error().to_string().find("memory or sqlite"), std::string::npos);
  start({});
  EXPECT_EQ(link("caller", {{"access", "all"}}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(link("caller", {{"isolation", "much"}}).error().code(), Errc::invalid_argument);
  const bool is_memory = std::string_view(GetParam()) == "memory";
  EXPECT_FALSE(provider->update_config({{"backend", is_memory ? "sqlite" : "memory"}}));
}

TEST(MemoryKeyvalueTest, the_total_size_is_bounded) {
  FakeCaller caller;
  ProviderContext context;
  context.id = "kv";
  context.config = {{"max_total_bytes", "100"}};
  context.shards = &caller.shards();
  const auto provider = *provider_factory(factory())(std::move(context));
  const auto target = provider->target();
  const auto set = [&](std::string_view key, std::size_t size) {
    return *caller.call<Outcome<void>>(*target, kStore, "set", "b", key, Bytes(size));
  };
  EXPECT_TRUE(set("a", 80));
  EXPECT_FALSE(set("b", 80));
  EXPECT_TRUE(set("a", 10));
  EXPECT_TRUE(set("b", 80));
  EXPECT_FALSE(set("a", 30));
  EXPECT_EQ(caller.call<Got>(*target, kStore, "get", "b", "a")->value()->size(), 10U);
}

class SqliteKeyvalueTest : public KeyvalueTest {};
INSTANTIATE_TEST_SUITE_P(Backends, SqliteKeyvalueTest, testing::Values("sqlite"));

TEST_P(SqliteKeyvalueTest, what_was_answered_is_there_after_a_restart) {
  ASSERT_TRUE(set("k", "v"));
  ASSERT_TRUE(increment("n", 7));
  start({});
  EXPECT_EQ(get("k"), Got(bytes("v")));
  EXPECT_EQ(*increment("n", 1), 8U);
}

TEST_P(SqliteKeyvalueTest, a_batch_that_fails_leaves_nothing_behind) {
  start({{"max_keys", "2"}});
  const std::vector<std::tuple<std::string, Bytes>> pairs = {{"a", {}}, {"b", {}}, {"c", {}}};
  EXPECT_FALSE(unwrap(caller.call<Outcome<void>>(*target, kBatch, "set-many", "default", pairs)));
  EXPECT_TRUE(list()->keys.empty());
  EXPECT_TRUE(set("x", "1"));
  EXPECT_TRUE(set("y", "1"));
}

TEST_P(SqliteKeyvalueTest, a_full_database_is_an_error_and_works_again_later) {
  start({{"max_total_bytes", "400000"}});
  ASSERT_TRUE(set("k", std::string(100'000, 'x')));
  EXPECT_FALSE(set("big", std::string(500'000, 'x')));
  EXPECT_EQ(get("big"), Got(std::nullopt));
  EXPECT_TRUE(set("small", "1"));
}

TEST_P(SqliteKeyvalueTest, a_file_that_cannot_be_opened_is_told_at_the_start) {
  EXPECT_EQ(try_start({{"path", (folder.path / "no" / "such.sqlite").string()}}).error().code(), Errc::io);
}

}  // namespace
}  // namespace weft::builtins::keyvalue
