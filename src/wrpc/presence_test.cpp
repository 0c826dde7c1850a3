// SPDX-License-Identifier: Apache-2.0
#include "wrpc/presence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "wrpc/lattice_fixture.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::StartsWith;

/// A caller ("here") and two hosts that serve the same: "there" and "third".
class PresenceTest : public LatticeTest {
 protected:
  static EndpointConfig member(std::string name) {
    auto config = LatticeTest::config();
    config.member = std::move(name);
    config.silence = 1'200ms;
    return config;
  }
  void SetUp() override {
    LatticeTest::SetUp();
    start(member("HERE"), member("THERE"));
    third_ = std::make_unique<Host>(lattice_, control_, member("THIRD"));
    there_target_ = std::make_shared<FakeTarget>("x", FakeTarget::Answer::at_once);
    third_target_ = std::make_shared<FakeTarget>("x", FakeTarget::Answer::at_once);
    there_->serve(there_target_);
    third_->serve(third_target_);
  }
  bool avoids(std::string_view name) {
    bool found = false;
    for (const std::size_t index : {0U, 1U}) {
      on_shard(here_->shard(index), [&] {
        const auto& silent = here_->endpoint.at(here_->shard(index)).silent();
        found = silent && silent->contains(name);
      });
      if (!found) return false;
    }
    return found;
  }
  bool avoids_nobody() {
    bool is_null = false;
    on_shard(here_->shard(), [&] { is_null = here_->endpoint.at(here_->shard()).silent() == nullptr; });
    return is_null;
  }
  /// "third" has left, and every shard "here" has been told by the first, which heard it.
  void third_leaves() {
    third_.reset();
    for (const std::size_t index : {0U, 0U, 1U}) on_shard(here_->shard(index), [] {});
  }
  std::string call(const std::string& params = "abc") {
    TestCall call(here_->shard(), remote_(), params);
    return call.wait();
  }
  dispatch::Target& remote_() {
    if (!target_) target_ = std::make_unique<RemoteTarget>(here_->endpoint, "x");
    return *target_;
  }

  std::shared_ptr<FakeTarget> there_target_;
  std::shared_ptr<FakeTarget> third_target_;
  std::unique_ptr<RemoteTarget> target_;
};

TEST_F(PresenceTest, calls_avoid_a_host_that_has_fallen_silent_until_it_is_heard_again) {
  there_->bus.cut();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  for (int count = 0; count < 20; ++count) {
    ASSERT_EQ(call(), "x:abc");
  }
  EXPECT_EQ(there_target_->seen.now().size(), 0U);
  EXPECT_EQ(third_target_->seen.now().size(), 20U);

  there_->bus.mend();
  ASSERT_TRUE(eventually([this] { return avoids_nobody(); }));
  for (int count = 0; count < 40 && there_target_->seen.now().empty(); ++count) {
    ASSERT_EQ(call(), "x:abc");
  }
  EXPECT_FALSE(there_target_->seen.now().empty());
  expect_idle();
}

TEST_F(PresenceTest, a_call_that_nobody_has_taken_when_a_host_falls_silent_does_not_wait_its_whole_time) {
  third_leaves();
  there_->bus.cut();
  EXPECT_THAT(call(), StartsWith("deadline_exceeded: nobody accepted"));
  EXPECT_TRUE(eventually([this] { return avoids("THERE"); }));
}

TEST_F(PresenceTest, a_call_that_a_host_had_not_accepted_fails_soon_after_it_has_ended) {
  third_leaves();
  there_->bus.cut();
  TestCall lost(here_->shard(), remote_());
  const auto began = std::chrono::steady_clock::now();
  there_.reset();  // its word that it leaves does not come through
  EXPECT_THAT(lost.wait(), StartsWith("deadline_exceeded: nobody accepted"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "an accept is waited for for 10 s";
  EXPECT_TRUE(avoids_nobody());
}

TEST_F(PresenceTest, a_call_that_a_host_had_not_accepted_fails_when_that_is_started_anew) {
  third_leaves();
  there_->bus.cut();
  TestCall lost(here_->shard(), remote_());
  const auto again = std::make_unique<Host>(lattice_, control_, member("THERE"));
  EXPECT_THAT(lost.wait(), StartsWith("deadline_exceeded: nobody accepted"));
}

TEST_F(PresenceTest, parameters_of_any_size_take_the_detour) {
  there_->bus.cut();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  here_->bus.max_payload = 2'000;
  here_->bus.disconnect();
  here_->bus.connect();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  const std::string large(10'000, 'p');
  EXPECT_EQ(call(large), "x:" + large);
  there_->bus.mend();
  ASSERT_TRUE(eventually([this] { return avoids_nobody(); }));
  expect_idle();
}

TEST_F(PresenceTest, who_serves_nothing_is_called_by_the_group_when_a_silent_one_may_be_all_there_is) {
  third_->withdraw("x");
  there_->bus.cut();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  // Nobody else answers the question, so the call goes where the server sends it; and that host comes back in time.
  TestCall waiting(here_->shard(), remote_());
  there_->bus.mend();
  EXPECT_THAT(waiting.wait(), testing::AnyOf("x:abc", HasSubstr("nobody accepted")));
  ASSERT_TRUE(eventually([this] { return avoids_nobody(); }));
  EXPECT_EQ(call(), "x:abc");
}

TEST_F(PresenceTest, a_host_whose_connection_is_gone_is_forgotten) {
  there_->bus.cut();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  there_.reset();
  EXPECT_TRUE(eventually([this] { return avoids_nobody(); }));
  EXPECT_EQ(call(), "x:abc");
}

TEST_F(PresenceTest, a_host_that_leaves_is_not_taken_for_silent) {
  there_->close();
  std::atomic<int> words{0};
  listen(present_subject("test", "THIRD"), [&words](const bus::Message&) { ++words; });
  ASSERT_TRUE(eventually([&words] { return words >= 5; }));
  EXPECT_TRUE(avoids_nobody());
  hang_up();
}

TEST_F(PresenceTest, who_has_lost_its_own_server_blames_nobody) {
  there_->bus.cut();
  ASSERT_TRUE(eventually([this] { return avoids("THERE"); }));
  here_->bus.disconnect();
  EXPECT_TRUE(eventually([this] { return avoids_nobody(); }));
  // But it finds out again when it is back.
  here_->bus.connect();
  EXPECT_TRUE(eventually([this] { return avoids("THERE"); }));
}

}  // namespace
}  // namespace weft::wrpc
