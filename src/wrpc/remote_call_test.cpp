// SPDX-License-Identifier: Apache-2.0
// Calls between hosts, through every part: RemoteTarget, Endpoint, Ingress, ServedFunction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wrpc/lattice_fixture.hpp"

namespace weft::wrpc {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace testing_support;
using Answer = FakeTarget::Answer;

constexpr std::string_view kGet = "test.x.wrpc.0.0.1.acme:a/b@1.0.0.get";

class RemoteCallTest : public LatticeTest {
 protected:
  dispatch::Target& remote(const std::string& id = "x") {
    remotes_.push_back(std::make_unique<RemoteTarget>(here_->endpoint, id));
    return *remotes_.back();
  }
  std::unique_ptr<TestCall> call(dispatch::CallContext context = {}, std::string params = "abc") {
    return std::make_unique<TestCall>(here_->shard(), remote(), std::move(params), context);
  }
  static dispatch::CallContext within(std::chrono::milliseconds time) {
    return {.source = "caller", .link_name = "default", .deadline = std::chrono::steady_clock::now() + time};
  }

 private:
  std::vector<std::unique_ptr<RemoteTarget>> remotes_;
};

TEST_F(RemoteCallTest, reaches_the_target_with_all_that_travels_with_it) {
  start();
  const auto target = serve(Answer::at_once);
  auto context = within(10s);
  context.link_name = "other";
  context.depth = 5;
  context.trace_parent = "00-1-2-01";
  context.trace_state = "a=b";
  EXPECT_EQ(call(context)->wait(), "x:abc");
  const auto seen = target->seen.now();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].interface, "acme:a/b@1.0.0");
  EXPECT_EQ(seen[0].function, "get");
  EXPECT_EQ(seen[0].params, "abc");
  EXPECT_EQ(seen[0].source, "caller");
  EXPECT_EQ(seen[0].link_name, "other");
  EXPECT_EQ(seen[0].depth, 5U);
  EXPECT_TRUE(seen[0].has_deadline);
  EXPECT_EQ(seen[0].trace_parent, "00-1-2-01");
  EXPECT_EQ(seen[0].trace_state, "a=b");
  EXPECT_EQ(call()->wait(), "x:abc");
  EXPECT_FALSE(target->seen.now()[1].has_deadline);
  expect_idle();
}

TEST_F(RemoteCallTest, is_two_messages_between_weft_hosts) {
  start();
  Collected<bus::Message> all;
  listen(">", [&](bus::Message message) { all.add(std::move(message)); });
  serve(Answer::at_once);
  EXPECT_EQ(call()->wait(), "x:abc");
  EXPECT_EQ(all.wait_for(2).size(), 2U);
  const auto spied = all.now();
  EXPECT_EQ(spied[0].subject, kGet);
  EXPECT_EQ(spied[1].subject, spied[0].reply);
  EXPECT_EQ(spied[1].header(kAnswerHeader), "results");
  hang_up();
}

TEST_F(RemoteCallTest, of_any_size_in_messages_of_any_size) {
  start();
  const auto target = serve(Answer::later);
  for (const std::size_t max : {std::size_t{250}, std::size_t{1000}, std::size_t{1} << 20}) {
    for (auto* const host : {here_.get(), there_.get()}) {
      host->bus.max_payload = max;
      host->bus.disconnect();
      host->bus.connect();
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, max - 150, max - 100, max - 1, max, 3 * max + 1}) {
      const std::string params(size, 'p');
      EXPECT_EQ(call(within(20s), params)->wait(), "x:" + params) << max << " " << size;
    }
  }
  expect_idle();
}

TEST_F(RemoteCallTest, brings_back_the_error_of_the_target) {
  start();
  serve(Answer::failure);
  EXPECT_THAT(call()->wait(), StartsWith("trap: "));
  expect_idle();
}

TEST_F(RemoteCallTest, fails_at_once_if_nobody_serves_it) {
  start();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(call()->wait(), StartsWith("unavailable: \"x\" does not run on any host"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  expect_idle();
}

// Live-host facts C1: a spy keeps the server from saying that nobody listens.
TEST_F(RemoteCallTest, does_not_wait_for_an_accept_for_ever) {
  auto config = LatticeTest::config();
  config.accept_timeout = 50ms;
  start(config);
  listen(">", [](const bus::Message&) {});
  EXPECT_THAT(call()->wait(), StartsWith("deadline_exceeded: nobody accepted"));
  EXPECT_THAT(call(within(1ms))->wait(), StartsWith("deadline_exceeded: nobody accepted"));
  expect_idle();
}

TEST_F(RemoteCallTest, ends_at_its_deadline_and_ends_the_target) {
  start();
  const auto target = serve(Answer::on_release);
  auto waiting = call(within(60ms));
  EXPECT_THAT(waiting->wait(), StartsWith("deadline_exceeded: \"x\" accepted"));
  EXPECT_TRUE(eventually([&] { return target->cancelled == 1; }));
  expect_idle();
  target->release();
}

TEST_F(RemoteCallTest, a_long_call_outlives_the_wait_for_its_accept) {
  auto config = LatticeTest::config();
  config.accept_timeout = 300ms;
  config.params_timeout = 300ms;
  start(config, config);
  const auto target = serve(Answer::on_release);
  auto waiting = call();
  // Longer than either, told by calls that nobody accepts.
  listen("test.nobody.>", [](const bus::Message&) {});
  TestCall other(here_->shard(), remote("nobody"));
  EXPECT_THAT(other.wait(), StartsWith("deadline_exceeded"));
  EXPECT_THAT(TestCall(here_->shard(), remote("nobody")).wait(), StartsWith("deadline_exceeded"));
  target->release();
  EXPECT_EQ(waiting->wait(), "x:abc");
}

TEST_F(RemoteCallTest, a_caller_that_goes_away_ends_the_target) {
  start();
  const auto target = serve(Answer::on_release);
  auto waiting = call();
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  waiting.reset();
  EXPECT_TRUE(eventually([&] { return target->cancelled == 1; }));
  expect_idle();
}

TEST_F(RemoteCallTest, a_caller_that_goes_away_before_the_accept_ends_the_target_too) {
  start();
  const auto target = serve(Answer::on_release);
  auto& callee = remote();
  struct Silent final : dispatch::CallHandler {
    void on_results(std::span<const std::byte>) override { ADD_FAILURE(); }
    void on_error(Error) override { ADD_FAILURE(); }
  } silent;
  constexpr int kCalls = 1000;
  on_shard(here_->shard(), [&] {
    for (int number = 0; number < kCalls; ++number) {
      // Begun and dropped in one turn: no answer can have come.
      (void)callee.invoke(here_->shard(),
                          {.interface = "acme:a/b@1.0.0", .function = "get", .params = {}, .context = {}}, silent);
    }
  });
  EXPECT_TRUE(eventually([&] { return target->cancelled == kCalls; })) << target->cancelled;
  expect_idle();
}

TEST_F(RemoteCallTest, results_that_come_before_the_parameters_were_sent_are_taken) {
  // A target may answer while its caller still publishes: nothing is left waiting for the rest.
  start();
  here_->bus.max_payload = 300;
  here_->bus.disconnect();
  here_->bus.connect();
  const auto target = serve(Answer::at_once);
  target->results_size = 3'000'000;
  EXPECT_EQ(call(within(20s), std::string(5000, 'p'))->wait().size(), 3'000'002U);
  expect_idle();
}

TEST_F(RemoteCallTest, results_beyond_the_cap_are_refused) {
  auto config = LatticeTest::config();
  config.max_value_bytes = 1000;
  start(config);
  there_->bus.max_payload = 300;
  there_->bus.disconnect();
  there_->bus.connect();
  const auto target = serve(Answer::at_once);
  target->results_size = 997;
  EXPECT_EQ(call()->wait().size(), 999U);
  target->results_size = 999;
  EXPECT_THAT(call()->wait(), StartsWith("resource_exhausted"));
  expect_idle();
}

TEST_F(RemoteCallTest, parameters_beyond_the_cap_are_refused) {
  auto config = LatticeTest::config();
  config.max_value_bytes = 1000;
  start(LatticeTest::config(), config);
  here_->bus.max_payload = 300;
  here_->bus.disconnect();
  here_->bus.connect();
  const auto target = serve(Answer::at_once);
  EXPECT_EQ(call(within(20s), std::string(1000, 'p'))->wait().size(), 1002U);
  EXPECT_THAT(call(within(20s), std::string(1001, 'p'))->wait(), StartsWith("resource_exhausted"));
  expect_idle();
}

TEST_F(RemoteCallTest, a_host_at_its_limit_says_so) {
  auto config = LatticeTest::config();
  config.max_incoming = 2;
  start(LatticeTest::config(), config, 1);
  const auto target = serve(Answer::on_release);
  auto first = call();
  auto second = call();
  EXPECT_EQ(target->seen.wait_for(2).size(), 2U);
  EXPECT_THAT(call()->wait(), StartsWith("resource_exhausted: "));
  target->release();
  EXPECT_EQ(first->wait(), "x:abc");
  EXPECT_EQ(second->wait(), "x:abc");
  auto again = call();
  EXPECT_EQ(target->seen.wait_for(3).size(), 3U);
  target->release();
  EXPECT_EQ(again->wait(), "x:abc") << "there is room again";
}

TEST_F(RemoteCallTest, a_target_that_is_replaced_ends_what_it_began) {
  start();
  const auto old = serve(Answer::on_release);
  auto waiting = call();
  EXPECT_EQ(old->seen.wait_for(1).size(), 1U);
  const auto fresh = serve(Answer::at_once);
  EXPECT_EQ(call()->wait(), "x:abc");
  EXPECT_EQ(fresh->seen.size(), 1U);
  EXPECT_EQ(old->seen.size(), 1U);
  old->release();
  EXPECT_EQ(waiting->wait(), "x:abc");
  expect_idle();
}

TEST_F(RemoteCallTest, what_is_withdrawn_takes_no_new_calls_and_ends_the_old) {
  start();
  const auto target = serve(Answer::on_release);
  serve(Answer::at_once, "y");
  auto waiting = call();
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  there_->withdraw("x");
  there_->withdraw("x");
  EXPECT_THAT(call()->wait(), StartsWith("unavailable: "));
  TestCall neighbour(here_->shard(), remote("y"));
  EXPECT_EQ(neighbour.wait(), "y:abc");
  target->release();
  EXPECT_EQ(waiting->wait(), "x:abc");
  expect_idle();
}

TEST_F(RemoteCallTest, an_ingress_that_closes_tells_every_caller) {
  start();
  const auto target = serve(Answer::on_release);
  std::vector<std::unique_ptr<TestCall>> calls(20);
  for (auto& one : calls) {
    one = call();
  }
  EXPECT_EQ(target->seen.wait_for(20).size(), 20U);
  EXPECT_TRUE(there_->wait(there_->ingress.close()));
  for (auto& one : calls) {
    EXPECT_THAT(one->wait(), HasSubstr("the host stops"));
  }
  EXPECT_EQ(target->cancelled, 20);
  expect_idle();
}

TEST_F(RemoteCallTest, an_endpoint_that_closes_ends_every_call) {
  start();
  const auto target = serve(Answer::on_release);
  auto waiting = call(within(1h));
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  EXPECT_TRUE(here_->wait(here_->endpoint.close()));
  EXPECT_THAT(waiting->wait(), HasSubstr("the host stops"));
  EXPECT_THAT(call()->wait(), StartsWith("unavailable: ")) << "a call that nobody would end";
  EXPECT_TRUE(here_->wait(here_->endpoint.open()));
  serve(Answer::at_once);
  EXPECT_EQ(call()->wait(), "x:abc") << "opened again";
}

TEST_F(RemoteCallTest, a_caller_that_is_cut_off_knows_at_once_and_goes_on_later) {
  start();
  const auto target = serve(Answer::on_release);
  auto waiting = call();
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  here_->bus.disconnect();
  EXPECT_THAT(waiting->wait(), HasSubstr("was lost during the call"));
  EXPECT_THAT(call()->wait(), StartsWith("unavailable: "));
  EXPECT_EQ(here_->calls(), 0U);
  EXPECT_EQ(target->cancelled, 0) << "nobody could tell it";
  target->release();
  here_->bus.max_payload = 4096;
  here_->bus.connect();
  auto again = call(within(20s), std::string(9000, 'p'));
  EXPECT_EQ(target->seen.wait_for(2).size(), 2U);
  target->release();
  EXPECT_EQ(again->wait().size(), 9002U) << "in messages of the size that holds now";
}

TEST_F(RemoteCallTest, a_host_that_is_cut_off_ends_what_it_runs_for_others) {
  start();
  const auto target = serve(Answer::on_release);
  auto waiting = call(within(1h));
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  there_->bus.disconnect();
  EXPECT_TRUE(eventually([&] { return target->cancelled == 1 && there_->calls() == 0; }));
  there_->bus.connect();
  waiting.reset();
  auto again = call();
  EXPECT_EQ(target->seen.wait_for(2).size(), 2U) << "its subscriptions are there";
  target->release();
  EXPECT_EQ(again->wait(), "x:abc");
}

/// Begins calls on its shard, so many at once, and counts their ends.
class Caller final : private dispatch::CallHandler {
 public:
  Caller(async::Shard& shard, dispatch::Target& target, int count) : shard_(shard), target_(target), left_(count) {}
  void begin() {
    shard_.post([this]() noexcept { next(); });
  }
  [[nodiscard]] int done() const { return done_; }
  [[nodiscard]] int wrong() const { return wrong_; }

 private:
  void next() {
    if (left_ == 0) return;
    --left_;
    params_ = std::to_string(left_);
    pending_ = target_.invoke(
        shard_, {.interface = "acme:a/b@1.0.0", .function = "get", .params = bytes_of(params_), .context = {}}, *this);
  }
  void on_results(std::span<const std::byte> results) override {
    wrong_ += std::string(reinterpret_cast<const char*>(results.data()), results.size()) == "x:" + params_ ? 0 : 1;
    ended();
  }
  void on_error(Error) override {
    ++wrong_;
    ended();
  }
  void ended() {
    pending_.reset();
    ++done_;
    shard_.post([this]() noexcept { next(); });
  }

  async::Shard& shard_;
  dispatch::Target& target_;
  int left_;
  std::string params_;
  std::unique_ptr<dispatch::PendingCall> pending_;
  std::atomic<int> done_{0};
  std::atomic<int> wrong_{0};
};

TEST_F(RemoteCallTest, a_call_whose_messages_were_dropped_fails_at_once_and_no_other) {
  auto small = config();
  small.max_inbox = 10;
  start(small);
  const auto target = serve(Answer::on_release);
  Collected<bus::Message> calls;
  listen("test.peer.wrpc.0.0.1.>", [&](bus::Message message) { calls.add(std::move(message)); });
  TestCall flooded(here_->shard(), remote("peer"));
  TestCall other(here_->shard(1), remote());
  const auto inbox = calls.wait_for(1)[0].reply;
  say(inbox, {}, "raw.0");
  ASSERT_TRUE(eventually([&] { return target->seen.now().size() == 1; }));
  // Its shard is busy while more comes than it may keep.
  std::promise<void> begun;
  std::promise<void> go_on;
  here_->shard().post([&]() noexcept {
    begun.set_value();
    go_on.get_future().wait();
  });
  begun.get_future().wait();
  for (int count = 0; count < 50; ++count) say(inbox + ".results", "x");
  EXPECT_GT(lattice_.dropped(), 0U);
  go_on.set_value();
  EXPECT_THAT(flooded.wait(), StartsWith("resource_exhausted: messages of the call were dropped: more than 10"));
  target->release();
  EXPECT_EQ(other.wait(), "x:abc");
  // The shard is as good as before.
  TestCall again(here_->shard(), remote());
  ASSERT_TRUE(eventually([&] { return target->seen.now().size() == 2; }));
  target->release();
  EXPECT_EQ(again.wait(), "x:abc");
  hang_up();
  expect_idle();
}

TEST_F(RemoteCallTest, thousands_at_once_on_every_shard_keep_apart) {
  start();
  for (const auto answer : {Answer::at_once, Answer::later}) {
    serve(answer);
    constexpr int kCallers = 500;
    constexpr int kEach = 8;
    std::vector<std::unique_ptr<Caller>> callers;
    for (int index = 0; index < kCallers; ++index) {
      callers.push_back(std::make_unique<Caller>(here_->shard(static_cast<std::size_t>(index) % 2), remote(), kEach));
    }
    for (auto& one : callers) one->begin();
    for (auto& one : callers) {
      ASSERT_TRUE(eventually([&] { return one->done() == kEach; })) << one->done();
      EXPECT_EQ(one->wrong(), 0);
    }
    // Their last posted work refers to them.
    for (std::size_t index : {0U, 1U}) on_shard(here_->shard(index), [] {});
  }
  expect_idle();
  EXPECT_EQ(lattice_.dropped(), 0U);
}

}  // namespace
}  // namespace weft::wrpc
