// SPDX-License-Identifier: Apache-2.0
#include "guest/late_answer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft::guest {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Guest final : dispatch::CallHandler {
  void on_results(std::span<const std::byte> results) override { told.push_back("results " + text_of(results)); }
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels given) override {
    told.push_back("streamed " + text_of(results));
    channels = std::move(given);
  }
  void on_error(Error error) override { told.push_back("error " + error.message()); }
  void on_not_served(Error error) override { told.push_back("not served " + error.message()); }

  std::vector<std::string> told;
  dispatch::Channels channels;
};

struct Reader final : dispatch::ChannelReader {
  void on_piece(std::span<const std::byte> piece) override { told.push_back(text_of(piece)); }
  void on_end() override { told.emplace_back("end"); }
  void on_broken(Error error) override { told.push_back("broken " + error.message()); }

  std::vector<std::string> told;
};

struct Empty final : dispatch::Channel {
  void read(dispatch::ChannelReader& reader) override { reader.on_end(); }
};

class Call final : public dispatch::PendingCall {
 public:
  explicit Call(bool& is_there) : is_there_(is_there) { is_there_ = true; }
  ~Call() override { is_there_ = false; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  bool& is_there_;
};

class LateAnswerTest : public testing::Test {
 protected:
  LateAnswerTest() : late_(std::make_shared<LateAnswer>(guest_, "0")) {
    stream_ = late_->watch(std::make_unique<Empty>());
    pending_ = late_->hold(std::make_unique<Call>(is_called_));
  }
  dispatch::CallHandler& store() { return late_->handler(); }
  void begin_to_read() {
    stream_->read(store_);
    pending_.reset();  // as whoever has been told does
  }

  Guest guest_;
  Reader store_;
  bool is_called_ = false;
  std::shared_ptr<LateAnswer> late_;
  std::unique_ptr<dispatch::Channel> stream_;
  std::unique_ptr<dispatch::PendingCall> pending_;
};

constexpr std::array kOk{std::byte{0}};

TEST_F(LateAnswerTest, the_guest_is_answered_when_its_stream_is_read) {
  EXPECT_TRUE(guest_.told.empty());
  begin_to_read();
  EXPECT_EQ(guest_.told, std::vector{std::string("streamed \0\0", 11)});
  EXPECT_EQ(store_.told, std::vector<std::string>{"end"});
  ASSERT_EQ(guest_.channels.size(), 1U);
  EXPECT_EQ(guest_.channels[0].path, "0");

  Reader future;
  guest_.channels[0].channel->read(future);
  EXPECT_TRUE(future.told.empty());
  EXPECT_TRUE(is_called_);
  store().on_results(kOk);
  EXPECT_EQ(future.told, std::vector{std::string("\0", 1)});
  guest_.channels[0].channel->read(future);
  EXPECT_EQ(future.told.back(), "end");
  EXPECT_FALSE(is_called_);
  EXPECT_EQ(guest_.told.size(), 1U);
}

TEST_F(LateAnswerTest, what_the_call_comes_to_before_that_is_the_answer) {
  store().on_results(kOk);
  stream_->read(store_);
  EXPECT_EQ(guest_.told, std::vector{std::string("results \0", 9)});
}

TEST_F(LateAnswerTest, a_failure_before_that_is_the_calls) {
  store().on_not_served({Errc::unavailable, "nobody"});
  EXPECT_EQ(guest_.told, std::vector<std::string>{"not served nobody"});
}

TEST_F(LateAnswerTest, a_failure_after_that_is_the_futures) {
  begin_to_read();
  store().on_error({Errc::unavailable, "gone"});
  Reader future;
  guest_.channels[0].channel->read(future);
  ASSERT_EQ(future.told.size(), 1U);
  EXPECT_EQ(future.told[0].front(), '\1');
  EXPECT_NE(future.told[0].find("gone"), std::string::npos);
  EXPECT_EQ(guest_.told.size(), 1U);
}

TEST_F(LateAnswerTest, a_guest_that_goes_before_it_is_told_cancels_the_call) {
  pending_.reset();
  EXPECT_FALSE(is_called_);
  stream_->read(store_);
  EXPECT_TRUE(guest_.told.empty());
}

TEST_F(LateAnswerTest, a_guest_that_drops_the_future_cancels_the_call) {
  begin_to_read();
  EXPECT_TRUE(is_called_);
  guest_.channels.clear();
  EXPECT_FALSE(is_called_);
}

}  // namespace
}  // namespace weft::guest
