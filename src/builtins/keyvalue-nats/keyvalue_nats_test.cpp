// SPDX-License-Identifier: Apache-2.0
// The provider keyvalue-nats on a real server: what guests get, and what they are told when the server, the bucket or
// the credentials are not what they should be.
#include "builtins/keyvalue-nats/keyvalue_nats.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "async/shard_call.hpp"
#include "base/eventually.hpp"
#include "builtins/keyvalue/store_stage.hpp"
#include "bus/nats_bus.hpp"
#include "bus/test_identity.hpp"
#include "support/nats_server.hpp"

namespace weft::builtins::keyvalue_nats {
namespace {

using namespace keyvalue;
using testing::HasSubstr;
using testing_support::eventually;

class KeyvalueNatsTest : public keyvalue::StoreStage {
 protected:
  void SetUp() override { start_server(); }
  ~KeyvalueNatsTest() override { stop(); }

  void start_server(test::NatsServerOptions options = {}) {
    server_ = test::NatsServer::start(std::move(options));
    if (!server_) GTEST_SKIP() << test::NatsServer::why_not();
  }
  [[nodiscard]] ConfigMap config(ConfigMap more = {}) const {
    more.try_emplace("cluster_uri", server_->url());
    more.try_emplace("bucket", "things");
    return more;
  }
  /// A provider with one link whose bucket is made.
  void start_linked() {
    start(factory());
    put(link_to("keyvalue", config({{"enable_bucket_auto_create", "true"}})));
  }

  std::unique_ptr<test::NatsServer> server_;
};

TEST_F(KeyvalueNatsTest, gives_back_what_was_set) {
  start_linked();
  EXPECT_EQ(get("k"), Got(std::nullopt));
  ASSERT_TRUE(set("k", "v"));
  EXPECT_EQ(get("k"), Got(bytes("v")));
  EXPECT_EQ(call<Outcome<bool>>(kStore, "exists", "default", "k"), Outcome<bool>(true));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "k"));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "k")) << "twice";
  EXPECT_EQ(call<Outcome<bool>>(kStore, "exists", "default", "k"), Outcome<bool>(false));
  const std::string odd("a\0b\xff", 4);
  ASSERT_TRUE(set("odd", odd));
  EXPECT_EQ(get("odd"), Got(bytes(odd)));
  EXPECT_THAT(why(set("no key", "v")), HasSubstr("key"));
}

TEST_F(KeyvalueNatsTest, takes_a_mebibyte_and_refuses_more) {
  start_linked();
  const std::string large(std::size_t{1} << 20, 'x');
  ASSERT_TRUE(set("large", large));
  EXPECT_EQ(get("large"), Got(bytes(large)));
  EXPECT_NE(why(set("larger", large + "x")), "(fine)");
  EXPECT_EQ(get("larger"), Got(std::nullopt));
}

TEST_F(KeyvalueNatsTest, counts_on_decimal_text_and_every_increment_counts) {
  start_linked();
  EXPECT_EQ(increment("n", 5), Outcome<std::uint64_t>(5));
  EXPECT_EQ(get("n"), Got(bytes("5")));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "n"));
  constexpr std::uint64_t kRounds = 100;
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < caller_.shards().size(); ++shard) {
    for (int copy = 0; copy < 2; ++copy) {
      threads.emplace_back([this, shard] {
        for (std::uint64_t round = 0; round < kRounds; ++round) {
          const auto counted = caller_.call_on<Outcome<std::uint64_t>>(shard, *target_, kAtomics, "increment",
                                                                       "default", "n", std::uint64_t{1});
          EXPECT_TRUE(counted && *counted);
        }
      });
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(increment("n", 0), Outcome<std::uint64_t>(kRounds * caller_.shards().size() * 2));
  ASSERT_TRUE(set("text", "12x"));
  EXPECT_THAT(why(increment("text", 1)), HasSubstr("not a number"));
  ASSERT_TRUE(set("huge", "18446744073709551615"));
  EXPECT_EQ(why(increment("huge", 1)), "the number would overflow");
  ASSERT_TRUE(set("empty", ""));
  EXPECT_EQ(increment("empty", 3), Outcome<std::uint64_t>(3));
}

TEST_F(KeyvalueNatsTest, two_providers_count_one_number_together) {
  start_linked();
  BuiltinContext context{
      .id = "provider", .log = [](LogLevel, std::string_view, std::string_view) {}, .shards = 2, .caller = component_};
  const auto second = *BuiltinTarget::create(*factory()(std::move(context)),
                                             {.id = "provider", .shards = 2, .pool = &caller_.shards()});
  ASSERT_TRUE(second->put_link(link_to("keyvalue", config())));
  constexpr std::uint64_t kRounds = 100;
  std::thread there([&] {
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const auto counted =
          caller_.call<Outcome<std::uint64_t>>(*second, kAtomics, "increment", "default", "n", std::uint64_t{1});
      EXPECT_TRUE(counted && *counted);
    }
  });
  for (std::uint64_t round = 0; round < kRounds; ++round) EXPECT_TRUE(increment("n", 1)) << round;
  there.join();
  EXPECT_EQ(increment("n", 0), Outcome<std::uint64_t>(2 * kRounds));
  second->stop(std::chrono::seconds(1));
}

TEST_F(KeyvalueNatsTest, lists_keys_by_pages_and_batches) {
  start_linked();
  EXPECT_TRUE(list()->keys.empty());
  std::vector<std::tuple<std::string, Bytes>> pairs;
  std::vector<std::string> keys;
  for (int index = 0; index < 1500; ++index) {
    keys.push_back("key" + std::to_string(10'000 + index));
    pairs.emplace_back(keys.back(), bytes(std::to_string(index)));
  }
  ASSERT_TRUE(call<Outcome<void>>(kBatch, "set-many", "default", pairs));
  const auto first = list();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->keys.size(), keyvalue::kPageKeys);
  EXPECT_EQ(first->cursor, std::optional<std::uint64_t>(keyvalue::kPageKeys));
  const auto second = list(first->cursor);
  EXPECT_EQ(second->keys.size(), 500U);
  EXPECT_EQ(second->cursor, std::nullopt);
  EXPECT_EQ(second->keys.back(), keys.back());
  EXPECT_TRUE(list(~std::uint64_t{0})->keys.empty());

  const auto many = call<Many>(kBatch, "get-many", "default", std::vector<std::string>{keys[3], "absent", keys[700]});
  ASSERT_TRUE(many);
  ASSERT_EQ(many->size(), 3U);
  EXPECT_EQ((*many)[0], std::tuple(keys[3], bytes("3")));
  EXPECT_EQ((*many)[1], std::nullopt);
  EXPECT_EQ((*many)[2], std::tuple(keys[700], bytes("700")));
  ASSERT_TRUE(call<Outcome<void>>(kBatch, "delete-many", "default", keys));
  EXPECT_TRUE(list()->keys.empty());
  EXPECT_TRUE(call<Many>(kBatch, "get-many", "default", std::vector<std::string>())->empty());
  EXPECT_THAT(why(call<Many>(kBatch, "get-many", "default", std::vector<std::string>{"a", "no key"})),
              HasSubstr("key"));
}

TEST_F(KeyvalueNatsTest, the_bucket_of_a_guest_is_the_name_of_a_link) {
  start(factory(), {{"cluster_uri", server_->url()}, {"enable_bucket_auto_create", "true"}});
  put(link_to("keyvalue", {{"bucket", "one"}}, "first"));
  put(link_to("keyvalue", {{"bucket", "two"}}, "second"));
  put(link_to("keyvalue", {{"bucket", "one"}}, "first", "neighbour"));
  ASSERT_TRUE(set("k", "1", "first"));
  ASSERT_TRUE(set("k", "2", "second"));
  EXPECT_EQ(get("k", "first"), Got(bytes("1")));
  EXPECT_THAT(why(get("k", "third")), HasSubstr("weft link put caller provider wasi keyvalue"));
  caller_.context.source = "neighbour";
  EXPECT_EQ(get("k", "first"), Got(bytes("1")));
  EXPECT_NE(why(get("k", "second")), "(fine)");
  target_->delete_link(link_to("keyvalue", {}, "first", "neighbour"));
  EXPECT_NE(why(get("k", "first")), "(fine)");
  caller_.context.source = "caller";
  EXPECT_EQ(get("k", "first"), Got(bytes("1"))) << "the connection is shared with a link that is gone";
}

TEST_F(KeyvalueNatsTest, says_how_to_get_a_bucket_that_does_not_exist_and_finds_it_when_it_comes) {
  start(factory());
  put(link_to("keyvalue", config()));
  EXPECT_THAT(log(), HasSubstr("nats kv add things"));
  EXPECT_THAT(why(get("k")), testing::AllOf(HasSubstr("nats kv add things"), HasSubstr("enable_bucket_auto_create")));
  put(link_to("keyvalue", config({{"enable_bucket_auto_create", "true"}}), "maker"));
  ASSERT_TRUE(set("k", "v", "maker"));
  EXPECT_EQ(get("k"), Got(bytes("v")));
}

TEST_F(KeyvalueNatsTest, a_server_without_jetstream_is_named) {
  start_server({.jetstream = false, .domain = {}, .configuration = {}});
  start(factory());
  put(link_to("keyvalue", config()));
  EXPECT_THAT(why(get("k")), HasSubstr("-js"));
}

TEST_F(KeyvalueNatsTest, refuses_a_link_whose_credentials_are_wrong_and_keeps_them_to_itself) {
  start_server({.jetstream = true, .domain = {}, .configuration = "authorization { user: me, password: right }"});
  start(factory());
  const auto port = std::to_string(server_->port());
  const auto refused =
      target_->put_link(link_to("keyvalue", config({{"cluster_uri", "nats://me:hunter2@127.0.0.1:" + port}})));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::permission_denied);
  EXPECT_THAT(refused.error().to_string() + log(), testing::Not(HasSubstr("hunter2")));
  put(link_to("keyvalue",
              config({{"cluster_uri", "nats://me:right@127.0.0.1:" + port}, {"enable_bucket_auto_create", "true"}})));
  EXPECT_TRUE(set("k", "v"));
}

TEST_F(KeyvalueNatsTest, a_user_with_a_jwt_gets_in_and_the_seed_is_never_shown) {
  namespace id = bus::test_identity;
  start_server({.jetstream = false,
                .domain = {},
                .configuration = "operator: " + std::string(id::kOperatorJwt) +
                                 "\nresolver: MEMORY\nresolver_preload: { " + std::string(id::kAccount) + ": " +
                                 std::string(id::kAccountJwt) + " }"});
  start(factory());
  const auto accepted = target_->put_link(link_to(
      "keyvalue", config({{"client_jwt", std::string(id::kUserJwt)}, {"client_seed", std::string(id::kUserSeed)}})));
  ASSERT_TRUE(accepted) << accepted.error().to_string() << '\n' << server_->log();
  EXPECT_NE(why(get("k")), "(fine)") << "the account has no JetStream";
  const auto refused = target_->put_link(link_to(
      "keyvalue", config({{"client_jwt", std::string(id::kUserJwt)}, {"client_seed", std::string(id::kOtherSeed)}})));
  EXPECT_FALSE(refused);
  EXPECT_THAT(log() + (refused ? "" : refused.error().to_string()),
              testing::Not(HasSubstr(std::string(id::kOtherSeed))));
}

TEST_F(KeyvalueNatsTest, a_server_that_comes_later_is_found) {
  server_->kill();
  start(factory());
  put(link_to("keyvalue", config({{"enable_bucket_auto_create", "true"}})));
  EXPECT_THAT(why(get("k")), HasSubstr(server_->url()));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return set("k", "v").has_value(); }));
}

TEST_F(KeyvalueNatsTest, what_was_answered_survives_a_server_that_is_killed_under_load) {
  start_linked();
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> answered{0};
  std::thread load([&] {
    while (!ends) {
      const auto counted =
          caller_.call<Outcome<std::uint64_t>>(*target_, kAtomics, "increment", "default", "n", std::uint64_t{1});
      if (counted && *counted) ++answered;
    }
  });
  for (int round = 0; round < 3; ++round) {
    const auto before = answered.load();
    EXPECT_TRUE(eventually([&] { return answered > before + 5; })) << round;
    EXPECT_TRUE(server_->start_again(test::Data::keep));
  }
  const auto before = answered.load();
  EXPECT_TRUE(eventually([&] { return answered > before + 5; }));
  ends = true;
  load.join();
  // One whose answer was lost may have counted all the same, and is then counted beyond the answers.
  const auto counted = increment("n", 0);
  ASSERT_TRUE(counted) << why(counted);
  EXPECT_GE(*counted, answered.load());
  EXPECT_LE(*counted, answered.load() + 3 * 2);
}

TEST_F(KeyvalueNatsTest, a_bucket_that_is_deleted_is_told_and_comes_back) {
  start(factory());
  put(link_to("keyvalue", config({{"enable_bucket_auto_create", "true"}}), "maker"));
  ASSERT_TRUE(set("k", "v", "maker"));
  put(link_to("keyvalue", config()));
  EXPECT_EQ(get("k"), Got(bytes("v")));
  ASSERT_TRUE(server_->start_again(test::Data::lose));
  EXPECT_TRUE(eventually([&] { return why(get("k")).contains("nats kv add things"); })) << why(get("k"));
  EXPECT_TRUE(eventually([&] { return set("k", "w", "maker").has_value(); }));
  EXPECT_TRUE(eventually([&] { return get("k") == Got(bytes("w")); }));
}

TEST_F(KeyvalueNatsTest, tells_a_linked_component_what_changes) {
  start_linked();
  ASSERT_TRUE(set("old", "1"));
  put(link_from("keyvalue", "watcher", config(), "changes"));
  // The watch begins by itself; a change that is told shows that it has.
  ASSERT_TRUE(eventually([&] { return set("begin", "x") && component_->received() > 0; }));
  const auto before = component_->received();
  const auto first = component_->wait_for(1).at(0);
  EXPECT_EQ(first->call.link_name, "changes");
  EXPECT_EQ(first->call.link_interface, "wasi:keyvalue/watcher");
  EXPECT_EQ(first->params, *encode(std::tuple("changes", "begin", bytes("x"))));
  ASSERT_TRUE(set("k", "v"));
  ASSERT_TRUE(call<Outcome<void>>(kStore, "delete", "default", "old"));
  // More than one of the first change may still be on their way.
  ASSERT_TRUE(eventually([&] { return component_->wait_for(1).back()->call.function == "on-delete"; }));
  const auto calls = component_->wait_for(before + 2);
  ASSERT_GE(calls.size(), before + 2);
  EXPECT_EQ(calls[calls.size() - 2]->params, *encode(std::tuple("changes", "k", bytes("v"))));
  EXPECT_EQ(calls.back()->params, *encode(std::tuple("changes", "old")));

  target_->delete_link(link_from("keyvalue", "watcher", {}, "changes"));
  const auto after = component_->received();
  put(link_from("keyvalue", "watcher", config({{"watch", "SET@mine"}}), "some"));
  ASSERT_TRUE(eventually([&] { return set("mine", "x") && set("other", "x") && component_->received() > after; }));
  for (const auto& call : component_->wait_for(after + 1)) {
    if (call->call.link_name == "some") {
      EXPECT_EQ(call->params, *encode(std::tuple("some", "mine", bytes("x"))));
    }
  }
}

TEST_F(KeyvalueNatsTest, a_new_configuration_of_the_provider_reaches_its_links) {
  start(factory(), {{"cluster_uri", server_->url()}, {"bucket", "one"}, {"enable_bucket_auto_create", "true"}});
  put(link_to("keyvalue", {}));
  ASSERT_TRUE(set("k", "v"));
  EXPECT_FALSE(target_->builtin().update_config({{"cluster_uri", server_->url()}}));
  EXPECT_EQ(get("k"), Got(bytes("v"))) << "what is refused changes nothing";
  ASSERT_TRUE(target_->builtin().update_config(
      {{"cluster_uri", server_->url()}, {"bucket", "two"}, {"enable_bucket_auto_create", "true"}}));
  EXPECT_EQ(get("k"), Got(std::nullopt));
}

}  // namespace
}  // namespace weft::builtins::keyvalue_nats
