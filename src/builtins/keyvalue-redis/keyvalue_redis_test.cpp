// SPDX-License-Identifier: Apache-2.0
// The provider keyvalue-redis on a real server: what guests get, and what they are told when the server, the password
// or the key is not what it should be.
#include "builtins/keyvalue-redis/keyvalue_redis.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/eventually.hpp"
#include "builtins/keyvalue-redis/connection.hpp"
#include "builtins/keyvalue/keyvalue.hpp"
#include "builtins/keyvalue/store_stage.hpp"
#include "support/redis_server.hpp"

namespace weft::builtins::keyvalue_redis {
namespace {

using namespace std::chrono_literals;
using namespace keyvalue;
using testing::HasSubstr;
using testing::Not;
using testing_support::eventually;

class KeyvalueRedisTest : public keyvalue::StoreStage {
 protected:
  void SetUp() override { start_server({}); }
  ~KeyvalueRedisTest() override { stop(); }

  void start_server(std::vector<std::string> options) {
    server_ = test::RedisServer::start(std::move(options));
    if (!server_) GTEST_SKIP() << test::RedisServer::why_not();
  }
  void start_linked(ConfigMap config = {}) {
    config.try_emplace("URL", server_->url());
    start(factory(), std::move(config));
    put(link_to("keyvalue", {}));
  }
  /// As somebody else's client.
  Result<Answer> redis(std::vector<std::string_view> words) {
    WEFT_TRY(const auto server, Server::parse(server_->url()));
    WEFT_TRY(auto connection, Connection::open(server, 5s, 5s));
    return connection.ask(words);
  }

  std::unique_ptr<test::RedisServer> server_;
};

TEST_F(KeyvalueRedisTest, gives_back_what_was_set) {
  start_linked();
  EXPECT_EQ(get("k"), Got(std::nullopt));
  ASSERT_TRUE(set("k", "v", "whatever bucket"));
  EXPECT_EQ(get("k", "another"), Got(bytes("v"))) << "the bucket is ignored";
  EXPECT_EQ(call<Outcome<bool>>(kStore, "exists", "default", "k"), Outcome<bool>(true));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "k"));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "k")) << "twice";
  EXPECT_EQ(call<Outcome<bool>>(kStore, "exists", "default", "k"), Outcome<bool>(false));
  const std::string odd("a\0b\xff", 4);
  ASSERT_TRUE(set("", odd));
  EXPECT_EQ(get(""), Got(bytes(odd)));
  const std::string large(std::size_t{1} << 20, 'x');
  ASSERT_TRUE(set("large", large));
  EXPECT_EQ(get("large"), Got(bytes(large)));
}

TEST_F(KeyvalueRedisTest, counts_side_by_side) {
  start_linked();
  EXPECT_EQ(increment("n", 5), Outcome<std::uint64_t>(5));
  constexpr std::uint64_t kRounds = 200;
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < caller_.shards().size(); ++shard) {
    threads.emplace_back([this, shard] {
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        const auto counted = caller_.call_on<Outcome<std::uint64_t>>(shard, *target_, kAtomics, "increment", "default",
                                                                     "n", std::uint64_t{1});
        EXPECT_TRUE(counted && *counted);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(increment("n", 0), Outcome<std::uint64_t>(5 + kRounds * caller_.shards().size()));
  ASSERT_TRUE(set("text", "12x"));
  EXPECT_THAT(why(increment("text", 1)), HasSubstr("not a number"));
  ASSERT_TRUE(set("huge", "9223372036854775807"));
  EXPECT_THAT(why(increment("huge", 1)), HasSubstr("overflow"));
  EXPECT_THAT(why(increment("n", ~std::uint64_t{0})), HasSubstr("overflow"));
  ASSERT_TRUE(set("below", "-7"));
  EXPECT_THAT(why(increment("below", 1)), HasSubstr("negative"));
}

TEST_F(KeyvalueRedisTest, lists_every_key_page_by_page_and_batches) {
  start_linked();
  EXPECT_TRUE(list()->keys.empty());
  EXPECT_EQ(list()->cursor, std::nullopt);
  std::vector<std::tuple<std::string, Bytes>> pairs;
  std::vector<std::string> keys;
  for (int index = 0; index < 3000; ++index) {
    keys.push_back("key" + std::to_string(index));
    pairs.emplace_back(keys.back(), bytes(std::to_string(index)));
  }
  ASSERT_TRUE(call<Outcome<void>>(kBatch, "set-many", "default", pairs));
  std::set<std::string> seen;
  std::optional<std::uint64_t> cursor;
  do {
    const auto page = list(cursor);
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->keys.empty() && page->cursor);
    seen.insert(page->keys.begin(), page->keys.end());
    cursor = page->cursor;
  } while (cursor);
  EXPECT_EQ(seen, std::set<std::string>(keys.begin(), keys.end()));

  const auto many = call<Many>(kBatch, "get-many", "default", std::vector<std::string>{"key3", "absent", "key700"});
  ASSERT_TRUE(many);
  ASSERT_EQ(many->size(), 3U);
  EXPECT_EQ((*many)[0], std::tuple("key3", bytes("3")));
  EXPECT_EQ((*many)[1], std::nullopt);
  EXPECT_EQ((*many)[2], std::tuple("key700", bytes("700")));
  ASSERT_TRUE(call<Outcome<void>>(kBatch, "delete-many", "default", keys));
  EXPECT_TRUE(list()->keys.empty());
  const std::vector<std::string> none;
  EXPECT_TRUE(call<Many>(kBatch, "get-many", "default", none)->empty());
  EXPECT_TRUE(call<Outcome<void>>(kBatch, "delete-many", "default", none));
  EXPECT_THAT(
      why(call<Outcome<void>>(kBatch, "delete-many", "default", std::vector<std::string>(keyvalue::kMaxBatchKeys + 1))),
      HasSubstr("10000"));
}

TEST_F(KeyvalueRedisTest, a_key_of_another_kind_is_told) {
  start_linked();
  ASSERT_TRUE(redis({"LPUSH", "list", "x"}));
  EXPECT_THAT(why(get("list")), HasSubstr("another kind of value"));
  EXPECT_THAT(why(increment("list", 1)), HasSubstr("another kind of value"));
  EXPECT_TRUE(set("list", "now text")) << "SET replaces whatever there is";
  EXPECT_EQ(get("list"), Got(bytes("now text")));
}

TEST_F(KeyvalueRedisTest, user_password_and_database_come_from_the_url) {
  start_server({"--requirepass", "right@pass"});
  const auto at = "@127.0.0.1:" + std::to_string(server_->port());
  start(factory(), {{"URL", server_->url()}});
  const auto without = target_->put_link(link_to("keyvalue", {}));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code(), Errc::permission_denied);
  const auto wrong = target_->put_link(link_to("keyvalue", {{"url", "redis://:hunter2" + at}}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Errc::permission_denied);
  EXPECT_THAT(wrong.error().to_string() + log(), testing::AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("right"))));
  put(link_to("keyvalue", {{"URL", "redis://:right%40pass" + at}}, "zero"));
  put(link_to("keyvalue", {{"URL", "redis://default:right%40pass" + at + "/3"}}, "three"));
  caller_.context.link_name = "zero";
  ASSERT_TRUE(set("k", "0"));
  caller_.context.link_name = "three";
  EXPECT_EQ(get("k"), Got(std::nullopt));
  ASSERT_TRUE(set("k", "3"));
  caller_.context.link_name = "zero";
  EXPECT_EQ(get("k"), Got(bytes("0")));
  EXPECT_FALSE(target_->put_link(link_to("keyvalue", {{"URL", "redis://:right%40pass" + at + "/99"}}, "none")));
  caller_.context.link_name = "absent";
  EXPECT_THAT(why(get("k")), HasSubstr("over its link \"absent\""));
}

TEST_F(KeyvalueRedisTest, a_socket_of_unix_will_do) {
  start(factory(), {{"URL", "redis+unix://" + server_->socket_path()}});
  put(link_to("keyvalue", {}));
  ASSERT_TRUE(set("k", "v"));
  EXPECT_EQ(get("k"), Got(bytes("v")));
}

TEST_F(KeyvalueRedisTest, the_default_connection_can_be_switched_off) {
  start(factory(), {{"URL", server_->url()}, {"disable_default_connection", ""}});
  EXPECT_FALSE(target_->put_link(link_to("keyvalue", {})));
  put(link_to("keyvalue", {{"URL", server_->url()}}));
  EXPECT_TRUE(set("k", "v"));
}

TEST_F(KeyvalueRedisTest, links_with_one_url_share_connections_when_told_so) {
  const auto connections = [this] {
    return (*redis({"CLIENT", "LIST", "TYPE", "normal"})).text()->size() > 0
               ? std::ranges::count(*(*redis({"CLIENT", "LIST", "TYPE", "normal"})).text(), '\n')
               : 0;
  };
  start(factory(), {{"SHARE_CONNECTIONS_BY_URL", ""}});
  for (const char* name : {"a", "b", "c"}) put(link_to("keyvalue", {{"URL", server_->url()}}, name));
  EXPECT_EQ(connections(), 2) << "one shared, and the one that asks";
  start(factory());
  for (const char* name : {"a", "b", "c"}) put(link_to("keyvalue", {{"URL", server_->url()}}, name));
  EXPECT_TRUE(eventually([&] { return connections() == 4; })) << connections();
  target_->delete_link(link_to("keyvalue", {}, "a"));
  EXPECT_TRUE(eventually([&] { return connections() == 3; })) << connections();
}

TEST_F(KeyvalueRedisTest, a_server_that_comes_later_is_found_and_one_that_went_does_not_hold_calls) {
  server_->kill();
  start_linked({{"BACKEND_RECONNECT_NUM_RETRIES", "1"}});
  EXPECT_THAT(log(), HasSubstr("no Redis server answers"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(why(get("k")), HasSubstr(server_->url()));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  ASSERT_TRUE(server_->start_again());
  EXPECT_TRUE(eventually([&] { return set("k", "v").has_value(); }));
  EXPECT_EQ(get("k"), Got(bytes("v")));
}

TEST_F(KeyvalueRedisTest, what_was_answered_survives_a_server_that_is_killed_under_load) {
  start_linked();
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> failed{0};
  std::thread load([&] {
    while (!ends) {
      const auto counted =
          caller_.call<Outcome<std::uint64_t>>(*target_, kAtomics, "increment", "default", "n", std::uint64_t{1});
      counted && *counted ? ++answered : ++failed;
    }
  });
  for (int round = 0; round < 3; ++round) {
    const auto before = answered.load();
    EXPECT_TRUE(eventually([&] { return answered > before + 5; })) << round;
    EXPECT_TRUE(server_->start_again());
  }
  const auto before = answered.load();
  EXPECT_TRUE(eventually([&] { return answered > before + 5; }));
  ends = true;
  load.join();
  const auto counted = increment("n", 0);
  ASSERT_TRUE(counted) << why(counted);
  EXPECT_GE(*counted, answered.load());
  EXPECT_LE(*counted, answered.load() + failed.load());
}

TEST_F(KeyvalueRedisTest, a_server_that_hangs_is_waited_for_as_long_as_told) {
  start_linked({{"BACKEND_RESPONSE_TIMEOUT_MS", "50"}, {"BACKEND_RECONNECT_NUM_RETRIES", "0"}});
  ASSERT_TRUE(set("k", "v"));
  server_->pause();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(why(get("k")), HasSubstr("BACKEND_RESPONSE_TIMEOUT_MS"));
  EXPECT_THAT(why(increment("n", 1)), Not(HasSubstr("(fine)")));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  server_->resume();
  EXPECT_TRUE(eventually([&] { return get("k") == Got(bytes("v")); }));
}

TEST_F(KeyvalueRedisTest, tells_a_linked_component_what_changes) {
  start_linked();
  const auto link = link_from("keyvalue", "watcher", {{"watch", "SET@k,DEL@k,SET@n,SET@begin"}});
  const auto refused = target_->put_link(link);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("CONFIG SET notify-keyspace-events"));
  ASSERT_TRUE(redis({"CONFIG", "SET", "notify-keyspace-events", "K$gxe"}));
  put(link);
  // The watch begins by itself; a change that is told shows that it has.
  ASSERT_TRUE(eventually([&] { return set("begin", "x") && component_->received() > 0; }));
  EXPECT_EQ(component_->wait_for(1)[0]->params, *encode(std::tuple("0", "begin", bytes("x"))));
  EXPECT_EQ(component_->wait_for(1)[0]->call.link_interface, "wasi:keyvalue/watcher");
  const auto said = [this](std::string_view function, const std::vector<std::byte>& params) {
    return eventually([&] {
      return std::ranges::any_of(component_->wait_for(0), [&](const auto& call) {
        return call->call.function == function && call->params == params;
      });
    });
  };
  ASSERT_TRUE(set("other", "x"));
  ASSERT_TRUE(set("k", "v"));
  EXPECT_TRUE(said("on-set", *encode(std::tuple("0", "k", bytes("v")))));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "k"));
  EXPECT_TRUE(said("on-delete", *encode(std::tuple("0", "k"))));
  ASSERT_TRUE(increment("n", 4));
  EXPECT_TRUE(said("on-set", *encode(std::tuple("0", "n", bytes("4")))));
  // A server that was killed has forgotten its setting, and is given it again.
  ASSERT_TRUE(server_->start_again());
  ASSERT_TRUE(redis({"CONFIG", "SET", "notify-keyspace-events", "K$gxe"}));
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(set("k", "again"));
    return std::ranges::any_of(component_->wait_for(0), [&](const auto& call) {
      return call->params == *encode(std::tuple("0", "k", bytes("again")));
    });
  })) << log();
  EXPECT_FALSE(std::ranges::any_of(component_->wait_for(0), [&](const auto& call) {
    return call->params == *encode(std::tuple("0", "other", bytes("x")));
  }));
}

TEST_F(KeyvalueRedisTest, options_that_cannot_be_are_refused_at_the_start) {
  EXPECT_FALSE(try_start(factory(), {{"URL", "http://h"}}));
  EXPECT_FALSE(try_start(factory(), {{"BACKEND_RESPONSE_TIMEOUT_MS", "x"}}));
  start_linked();
  ASSERT_TRUE(set("k", "v"));
  EXPECT_FALSE(target_->builtin().update_config({{"URL", "http://h"}}));
  EXPECT_EQ(get("k"), Got(bytes("v"))) << "what is refused changes nothing";
  ASSERT_TRUE(target_->builtin().update_config({{"URL", server_->url() + "/1"}}));
  EXPECT_EQ(get("k"), Got(std::nullopt));
}

}  // namespace
}  // namespace weft::builtins::keyvalue_redis
