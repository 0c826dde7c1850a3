// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/watch_feed.hpp"

#include <gtest/gtest.h>

#include "builtins/provider_stage.hpp"

namespace weft::builtins::keyvalue {
namespace {

class WatchFeedTest : public testing::Test {
 protected:
  /// The calls that were answered hold the feed, which holds the component.
  void TearDown() override { component_->forget(); }

  static std::optional<Result<std::vector<std::byte>>> later(const PlayedComponent::Received& /*call*/) {
    return std::nullopt;
  }
  void answer(std::size_t index, Result<std::vector<std::byte>> outcome = std::vector<std::byte>()) {
    component_->wait_for(index + 1).at(index)->done(std::move(outcome));
  }

  std::string log_;
  std::shared_ptr<PlayedComponent> component_ = std::make_shared<PlayedComponent>();
  std::shared_ptr<WatchFeed> feed_ = std::make_shared<WatchFeed>(
      WatchFeed::Options{.provider = "kv",
                         .component = "reader",
                         .link_name = "default",
                         .link_interface = "wasi:keyvalue/watcher",
                         .bucket = "0"},
      component_, [this](LogLevel, std::string_view, std::string_view line) { log_ += std::string(line) + "\n"; });
};

TEST_F(WatchFeedTest, tells_one_change_after_the_other) {
  component_->answer_with(later);
  feed_->push({.key = "k", .value = "v"});
  feed_->push({.key = "k", .value = std::nullopt});
  ASSERT_EQ(component_->received(), 1U);
  const auto first = component_->wait_for(1).at(0);
  EXPECT_EQ(first->call.interface, "wrpc:keyvalue/watcher@0.2.0-draft");
  EXPECT_EQ(first->call.function, "on-set");
  EXPECT_EQ(first->params, *encode(std::tuple("0", "k", std::vector<std::byte>{std::byte{'v'}})));
  answer(0);
  ASSERT_EQ(component_->received(), 2U);
  EXPECT_EQ(component_->wait_for(2).at(1)->call.function, "on-delete");
  EXPECT_EQ(component_->wait_for(2).at(1)->params, *encode(std::tuple("0", "k")));
  answer(1);
  EXPECT_EQ(log_, "");
}

TEST_F(WatchFeedTest, says_once_that_a_component_fails_and_then_how_much_it_missed) {
  component_->answer_with(later);
  for (const char* key : {"a", "b", "c"}) feed_->push({.key = key, .value = ""});
  answer(0, Error(Errc::trap, "it trapped"));
  answer(1, Error(Errc::trap, "it trapped again"));
  answer(2);
  EXPECT_EQ(log_,
            "reader is not told of a change: it trapped\nreader is not told of a change: delivers again; 2 were not\n");
}

TEST_F(WatchFeedTest, drops_the_oldest_beyond_its_limit_and_says_so) {
  component_->answer_with(later);
  for (std::size_t index = 0; index < WatchFeed::kMaxWaiting + 3; ++index) {
    feed_->push({.key = std::to_string(index), .value = ""});
  }
  EXPECT_NE(log_.find("slower than the changes"), std::string::npos);
  answer(0);
  EXPECT_EQ(component_->wait_for(2).at(1)->params, *encode(std::tuple("0", "3", std::vector<std::byte>())));
  EXPECT_NE(log_.find("2 were not"), std::string::npos);
}

TEST_F(WatchFeedTest, is_silent_once_it_is_closed) {
  component_->answer_with(later);
  for (const char* key : {"a", "b"}) feed_->push({.key = key, .value = ""});
  feed_->close();
  answer(0);
  feed_->push({.key = "c", .value = ""});
  EXPECT_EQ(component_->received(), 1U);
}

}  // namespace
}  // namespace weft::builtins::keyvalue
