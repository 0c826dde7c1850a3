// SPDX-License-Identifier: Apache-2.0
#include "builtins/builtin_target.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "builtins/builtin_provider.hpp"
#include "builtins/fake_caller.hpp"

namespace weft::builtins {
namespace {

constexpr std::string_view kApi = "acme:sample/api";

struct Cart {
  std::vector<std::string> items;
};

/// One function of every kind. What is kept for later is in members that a test looks at when the shard is quiet.
class Sample final : public Builtin {
 public:
  explicit Sample(BuiltinContext context = {}) : config_(std::move(context.config)) {
    function(kApi, "join", [](std::string_view a, std::uint32_t b) { return std::string(a) + std::to_string(b); });
    function(kApi, "nothing", [] {});
    function("acme:sample/api@2.0.0", "version", [] { return std::uint8_t{2}; });
    function(kApi, "version", [] { return std::uint8_t{1}; });
    function(kApi, "who", [](const CallInfo& call) {
      const auto option = call.link_config.find("option");
      return std::tuple(std::string(call.source), std::string(call.link_name),
                        option == call.link_config.end() ? std::string() : option->second);
    });
    function(kApi, "checked", [](bool fine) -> Result<std::expected<std::uint8_t, std::string>> {
      if (!fine) return Error(Errc::unavailable, "the backend is away");
      return std::expected<std::uint8_t, std::string>(std::unexpected("told"));
    });
    function(kApi, "throws", [](bool) -> bool { throw std::runtime_error("oops"); });
    function(kApi, "bad-text", [] { return std::string("\xff"); });
    function(kApi, "now", [](Reply<std::uint8_t> reply) { reply.send(7); });
    function(kApi, "later", [this](const CallInfo&, Reply<std::string> reply, std::string text) {
      reply.on_cancel([this]() noexcept { cancelled.count_down(); });
      kept.emplace(std::move(reply));
      kept_text = std::move(text);
    });
    function(kApi, "drops", [](Reply<std::string>) {});
    function(kApi, "throws-later", [](Reply<>, bool) { throw std::runtime_error("oops"); });
    blocking(kApi, "blocks", [this](const CallInfo& call, std::string_view text) {
      if (text == "hold") {
        holding.count_down();
        while (!call.is_cancelled() && !release.load()) std::this_thread::yield();
      }
      return std::string(text) + "/" + std::string(call.source);
    });
    function(kApi, "[constructor]cart",
             [this](const CallInfo& call) { return carts.add(call, std::make_shared<Cart>()); });
    function(kApi, "[method]cart.add", [this](const Handle<Cart>& self, std::string item) -> Result<std::uint32_t> {
      WEFT_TRY(const auto cart, carts.find(self));
      cart->items.push_back(std::move(item));
      return static_cast<std::uint32_t>(cart->items.size());
    });
    resource(kApi, "cart", carts);
  }

  Result<void> put_link(const BuiltinLink& link) override {
    if (link.target_config.contains("refuse")) return Error(Errc::invalid_argument, "refused");
    return {};
  }
  Result<void> update_config(const ConfigMap& config) override {
    config_ = config;
    return {};
  }
  void stop() override { ++stops; }

  ConfigMap config_;
  int stops = 0;
  Resource<Cart> carts{*this, 3};
  std::optional<Reply<std::string>> kept;
  std::string kept_text;
  std::latch cancelled{1};
  std::latch holding{1};
  std::atomic<bool> release{false};
};

class BuiltinTargetTest : public testing::Test {
 protected:
  BuiltinTargetTest() {
    auto builtin = std::make_unique<Sample>();
    sample = builtin.get();
    target = *BuiltinTarget::create(std::move(builtin), {.id = "sample",
                                                         .shards = caller.shards().size(),
                                                         .pool = &caller.shards(),
                                                         .post_blocking = pool.post(),
                                                         .log = {},
                                                         .max_calls = 2});
  }
  ~BuiltinTargetTest() override {
    sample->release = true;
    sample->kept.reset();
    target->stop(std::chrono::milliseconds(0));
  }

  static BuiltinLink link(ConfigMap config) {
    return {.source = "caller",
            .target = "sample",
            .name = "default",
            .wit_namespace = "acme",
            .wit_package = "sample",
            .interfaces = {"api"},
            .source_config = {},
            .target_config = std::move(config)};
  }

  template <class T, class... A>
  Result<T> call(std::string_view function, const A&... params) {
    return caller.call<T>(*target, kApi, function, params...);
  }
  template <class... A>
  std::unique_ptr<FakeCaller::Call> begin(std::string_view function, const A&... params) {
    return caller.begin(*target, kApi, function, *encode(std::tuple(params...)));
  }

  FakePool pool;
  FakeCaller caller;
  Sample* sample = nullptr;
  std::shared_ptr<BuiltinTarget> target;
};

TEST_F(BuiltinTargetTest, answers_typed_calls_at_once) {
  EXPECT_EQ(*call<std::string>("join", "a", std::uint32_t{300}), "a300");
  EXPECT_TRUE(call<std::monostate>("nothing"));
  const auto told = call<std::expected<std::uint8_t, std::string>>("checked", true);
  EXPECT_EQ(told->error(), "told");
}

TEST_F(BuiltinTargetTest, finds_a_version_exactly_first_and_then_without) {
  EXPECT_EQ(*caller.call<std::uint8_t>(*target, "acme:sample/api@2.0.0", "version"), 2);
  EXPECT_EQ(*caller.call<std::uint8_t>(*target, "acme:sample/api@1.5.0", "version"), 1);
  EXPECT_EQ(*caller.call<std::uint8_t>(*target, "acme:sample/api", "version"), 1);
  const auto unknown = caller.call<std::uint8_t>(*target, "acme:sample/other", "version");
  EXPECT_EQ(unknown.error().code(), Errc::not_found);
  EXPECT_EQ(target->functions().size(), 16U);
}

TEST_F(BuiltinTargetTest, a_failing_function_fails_its_call) {
  const auto failed = call<bool>("checked", false);
  EXPECT_EQ(failed.error().code(), Errc::unavailable);
  EXPECT_NE(failed.error().to_string().find("acme:sample/api.checked"), std::string::npos);
  EXPECT_EQ(call<std::string>("bad-text").error().code(), Errc::invalid_argument);
}

TEST_F(BuiltinTargetTest, an_exception_is_an_error_and_counted) {
  EXPECT_EQ(call<bool>("throws", true).error().code(), Errc::internal);
  EXPECT_NE(call<bool>("throws-later", true).error().message().find("oops"), std::string::npos);
  EXPECT_EQ(target->exceptions(), 2U);
}

TEST_F(BuiltinTargetTest, parameters_that_do_not_decode_are_the_callers_fault) {
  const std::vector<std::byte> nothing;
  for (const std::string_view function : {"join", "later", "blocks", "cart.add"}) {
    const auto refused = caller.call_bytes(*target, kApi, function, nothing);
    EXPECT_EQ(refused.error().code(), Errc::malformed) << function;
    EXPECT_EQ(refused.error().blame(), Blame::peer) << function;
  }
}

TEST_F(BuiltinTargetTest, a_call_sees_its_source_and_the_configuration_of_its_link) {
  using Who = std::tuple<std::string, std::string, std::string>;
  EXPECT_EQ(*call<Who>("who"), Who("caller", "default", ""));
  ASSERT_TRUE(target->put_link(link({{"option", "x"}})));
  EXPECT_EQ(*call<Who>("who"), Who("caller", "default", "x"));
  EXPECT_EQ(*caller.call_on<Who>(1, *target, kApi, "who"), Who("caller", "default", "x"));
  EXPECT_FALSE(target->put_link(link({{"refuse", ""}})));
  EXPECT_EQ(*call<Who>("who"), Who("caller", "default", "x"));
  target->delete_link(link({}));
  EXPECT_EQ(*call<Who>("who"), Who("caller", "default", ""));
}

TEST_F(BuiltinTargetTest, a_reply_may_come_at_once_later_or_from_another_thread) {
  EXPECT_EQ(*call<std::uint8_t>("now"), 7);
  const auto pending = begin("later", "text");
  EXPECT_FALSE(pending->is_told());
  EXPECT_EQ(sample->kept_text, "text");
  std::thread([&] { sample->kept->send("done"); }).join();
  EXPECT_EQ(*decode<std::string>(*pending->wait()), "done");
}

TEST_F(BuiltinTargetTest, a_dropped_reply_is_an_error) {
  EXPECT_EQ(call<std::string>("drops").error().code(), Errc::internal);
  const auto pending = begin("later", "");
  sample->kept.reset();
  EXPECT_EQ(pending->wait().error().code(), Errc::internal);
}

TEST_F(BuiltinTargetTest, a_reply_counts_once) {
  const auto pending = begin("later", "");
  sample->kept->send("first");
  sample->kept->send("second");
  sample->kept->fail({Errc::internal, "third"});
  EXPECT_EQ(*decode<std::string>(*pending->wait()), "first");
}

TEST_F(BuiltinTargetTest, cancelling_is_told_to_the_reply_and_nothing_to_the_caller) {
  const auto pending = begin("later", "");
  EXPECT_FALSE(sample->kept->is_cancelled());
  pending->cancel();
  sample->cancelled.wait();
  EXPECT_TRUE(sample->kept->is_cancelled());
  sample->kept->send("too late");
  EXPECT_EQ(*call<std::uint8_t>("now"), 7);
  EXPECT_FALSE(pending->is_told());
}

TEST_F(BuiltinTargetTest, a_reply_outlives_provider_and_shards) {
  auto own = std::make_unique<Sample>();
  Sample& kept_sample = *own;
  std::optional<Reply<std::string>> reply;
  {
    FakeCaller short_lived(1);
    const auto mortal = *BuiltinTarget::create(std::move(own), {.id = "mortal", .pool = &short_lived.shards()});
    const auto pending = short_lived.begin(*mortal, kApi, "later", *encode(std::tuple("x")));
    reply = std::move(kept_sample.kept);
    kept_sample.kept.reset();
    mortal->stop(std::chrono::milliseconds(0));
    EXPECT_EQ(pending->wait().error().code(), Errc::cancelled);
  }
  EXPECT_TRUE(reply->is_cancelled());
  reply->send("nobody");
}

TEST_F(BuiltinTargetTest, blocking_functions_run_elsewhere_and_know_their_caller) {
  EXPECT_EQ(*call<std::string>("blocks", "x"), "x/caller");
  const auto held = begin("blocks", "hold");
  sample->holding.wait();
  EXPECT_EQ(*call<std::string>("join", "still ", std::uint32_t{1}), "still 1") << "the shard is free meanwhile";
  held->cancel();
}

TEST_F(BuiltinTargetTest, blocking_work_that_finds_no_place_is_refused) {
  FakePool full(0);
  const auto other = *BuiltinTarget::create(std::make_unique<Sample>(), {.id = "other", .post_blocking = full.post()});
  EXPECT_EQ(caller.call<std::string>(*other, kApi, "blocks", "x").error().code(), Errc::resource_exhausted);
  const auto without = *BuiltinTarget::create(std::make_unique<Sample>(), {.id = "without"});
  EXPECT_EQ(caller.call<std::string>(*without, kApi, "blocks", "x").error().code(), Errc::unavailable);
}

TEST_F(BuiltinTargetTest, unanswered_calls_are_bounded) {
  std::vector<Reply<std::string>> replies;
  std::vector<std::unique_ptr<FakeCaller::Call>> calls;
  for (int index = 0; index < 2; ++index) {
    calls.push_back(begin("later", ""));
    replies.push_back(std::move(*sample->kept));
    sample->kept.reset();
  }
  EXPECT_EQ(call<std::uint8_t>("now").error().code(), Errc::resource_exhausted);
  replies.clear();
  for (const auto& ended : calls) EXPECT_FALSE(ended->wait());
  EXPECT_EQ(*call<std::uint8_t>("now"), 7);
}

TEST_F(BuiltinTargetTest, stop_refuses_new_calls_and_cuts_off_what_does_not_end) {
  const auto pending = begin("later", "");
  const auto held = begin("blocks", "hold");
  sample->holding.wait();
  target->stop(std::chrono::milliseconds(1));
  EXPECT_EQ(pending->wait().error().code(), Errc::cancelled);
  EXPECT_EQ(held->wait().error().code(), Errc::cancelled);
  EXPECT_EQ(call<std::uint8_t>("now").error().code(), Errc::unavailable);
  EXPECT_EQ(sample->stops, 1);
}

TEST_F(BuiltinTargetTest, stop_waits_for_a_call_that_ends_in_time) {
  const auto pending = begin("later", "");
  std::thread stopping([&] { target->stop(FakeCaller::kDeadline); });
  while (call<std::uint8_t>("now")) std::this_thread::yield();
  sample->kept->send("in time");
  stopping.join();
  EXPECT_EQ(*decode<std::string>(*pending->wait()), "in time");
}

TEST_F(BuiltinTargetTest, resources_live_until_they_are_dropped) {
  const auto cart = call<Handle<Cart>>("[constructor]cart");
  ASSERT_TRUE(cart);
  EXPECT_EQ(cart->bytes.size(), 15U);
  EXPECT_EQ(*call<std::uint32_t>("[method]cart.add", *cart, "apple"), 1U);
  EXPECT_EQ(*call<std::uint32_t>("cart.add", *cart, "pear"), 2U) << "the name as it is on the wire";
  EXPECT_TRUE(call<std::monostate>("[resource-drop]cart", *cart));
  EXPECT_EQ(call<std::uint32_t>("cart.add", *cart, "plum").error().code(), Errc::not_found);
  EXPECT_TRUE(call<std::monostate>("[resource-drop]cart", *cart)) << "idempotent";
}

TEST_F(BuiltinTargetTest, a_made_up_handle_names_nothing) {
  const auto cart = *call<Handle<Cart>>("cart");
  for (std::size_t byte = 0; byte < cart.bytes.size(); ++byte) {
    auto forged = cart;
    forged.bytes[byte] = static_cast<char>(forged.bytes[byte] ^ 1);
    EXPECT_EQ(call<std::uint32_t>("cart.add", forged, "x").error().code(), Errc::not_found);
  }
  EXPECT_EQ(call<std::uint32_t>("cart.add", Handle<Cart>{}, "x").error().code(), Errc::not_found);
}

TEST_F(BuiltinTargetTest, resources_are_bounded_and_reclaimed_at_the_end_of_their_chain) {
  caller.context.chain = 41;
  for (int index = 0; index < 3; ++index) ASSERT_TRUE(call<Handle<Cart>>("cart"));
  EXPECT_EQ(call<Handle<Cart>>("cart").error().code(), Errc::resource_exhausted);
  target->end_chain(caller.shards().at(0), 57);
  EXPECT_EQ(sample->carts.size(), 3U);
  target->end_chain(caller.shards().at(0), 41);
  EXPECT_EQ(sample->carts.size(), 0U);
  EXPECT_TRUE(call<Handle<Cart>>("cart"));
}

TEST_F(BuiltinTargetTest, resources_go_with_the_last_link_of_their_maker) {
  ASSERT_TRUE(target->put_link(link({})));
  ASSERT_TRUE(call<Handle<Cart>>("cart"));
  target->delete_link(link({}));
  EXPECT_EQ(sample->carts.size(), 0U);
}

TEST_F(BuiltinTargetTest, every_shard_calls_at_once_while_links_change) {
  std::atomic<bool> done = false;
  std::thread links([&] {
    for (int round = 0; !done.load(); ++round) {
      static_cast<void>(target->put_link(link({{"option", std::to_string(round)}})));
    }
  });
  std::vector<std::thread> callers;
  for (std::size_t shard = 0; shard < caller.shards().size(); ++shard) {
    callers.emplace_back([&, shard] {
      for (std::uint32_t round = 0; round < 500; ++round) {
        EXPECT_EQ(*caller.call_on<std::string>(shard, *target, kApi, "join", "r", round), "r" + std::to_string(round));
        EXPECT_TRUE((caller.call_on<std::tuple<std::string, std::string, std::string>>(shard, *target, kApi, "who")));
        EXPECT_EQ(*caller.call_on<std::string>(shard, *target, kApi, "blocks", "b"), "b/caller");
      }
    });
  }
  for (auto& thread : callers) thread.join();
  done = true;
  links.join();
}

class Twice final : public Builtin {
 public:
  explicit Twice(BuiltinContext) {
    function(kApi, "f", [] {});
    function(kApi, "[static]f", [] {});
  }
};

TEST(BuiltinProviderTest, a_function_registered_twice_is_told_at_the_start) {
  const auto provider = provider_factory(builtin_factory<Twice>())({.id = "twice"});
  ASSERT_FALSE(provider);
  EXPECT_NE(provider.error().message().find("acme:sample/api.[static]f"), std::string::npos);
}

TEST(BuiltinProviderTest, a_registered_builtin_is_started_linked_and_stopped_like_any_provider) {
  ProviderRegistry registry;
  ASSERT_TRUE(add_builtins(registry, {{"sample", builtin_factory<Sample>()}}));
  EXPECT_EQ(add_builtins(registry, {{"sample", builtin_factory<Sample>()}}).error().code(), Errc::already_exists);
  FakeCaller caller;
  ProviderContext context;
  context.id = "s1";
  context.shards = &caller.shards();
  auto provider = registry.at("sample")(std::move(context));
  ASSERT_TRUE(provider) << provider.error().to_string();
  const auto target = (*provider)->target();
  EXPECT_EQ(target->id(), "s1");
  EXPECT_EQ(*caller.call<std::string>(*target, kApi, "join", "a", std::uint32_t{1}), "a1");
  EXPECT_TRUE((*provider)->update_config({{"a", "b"}}));
  (*provider)->stop(std::chrono::milliseconds(10));
  EXPECT_EQ(caller.call<std::uint8_t>(*target, kApi, "now").error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace weft::builtins
