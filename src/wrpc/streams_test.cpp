// SPDX-License-Identifier: Apache-2.0
// ChannelSender and ChannelInbox, without a lattice.
#include "wrpc/streams.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <variant>

#include "wire/byte_stream.hpp"
#include "wrpc/recording.hpp"

namespace weft::wrpc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::bytes_of;

/// Writes down what it is told: "send 1 x", "finish 1", "sent 1", "taken 1 n", "taken 1 -", "waits", "goes on",
/// "closed".
class RecordingOwner final : public StreamOwner {
 public:
  Result<void> send_piece(std::string_view path, std::string_view piece) override {
    if (is_cut_off) return Error(Errc::unavailable, "the server is away");
    bytes += piece.size();
    lines.push_back("send " + std::string(path) + " " + std::string(piece.substr(0, 20)));
    return {};
  }
  Result<void> finish_path(std::string_view path) override { return add("finish " + std::string(path)); }
  void on_sent(std::string_view path) override { (void)add("sent " + std::string(path)); }
  void on_read(const Taken& taken) override {
    (void)add("taken " + std::string(taken.path) + " " + (taken.bytes ? std::to_string(*taken.bytes) : "-"));
  }
  void on_waiting(bool waits) override { (void)add(waits ? "waits" : "goes on"); }
  void on_inbox_closed() override { (void)add("closed"); }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::uint64_t bytes = 0;
  bool is_cut_off = false;

 private:
  Result<void> add(std::string line) {
    lines.push_back(std::move(line));
    return {};
  }
};

struct End {};
using Step = std::variant<std::string, End, Error>;

/// Gives what a test puts in, at once or later; knows whether it was dropped.
class FakeChannel final : public dispatch::Channel {
 public:
  struct State {
    std::deque<Step> steps;
    dispatch::ChannelReader* reader = nullptr;
    bool is_dropped = false;
    bool is_future = false;

    void give(Step step) {
      steps.push_back(std::move(step));
      if (auto* const who = std::exchange(reader, nullptr)) tell(*who);
    }
    void tell(dispatch::ChannelReader& who) {
      const auto step = steps.front();
      steps.pop_front();
      if (const auto* const piece = std::get_if<std::string>(&step)) return who.on_piece(bytes_of(*piece));
      if (std::holds_alternative<End>(step)) return who.on_end();
      who.on_broken(std::get<Error>(step));
    }
  };
  explicit FakeChannel(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~FakeChannel() override {
    state_->is_dropped = true;
    state_->reader = nullptr;
  }
  FakeChannel(const FakeChannel&) = delete;
  FakeChannel& operator=(const FakeChannel&) = delete;
  [[nodiscard]] bool is_future() const noexcept override { return state_->is_future; }
  void read(dispatch::ChannelReader& reader) override {
    const auto state = state_;
    EXPECT_EQ(state->reader, nullptr) << "one at a time";
    if (state->steps.empty()) {
      state->reader = &reader;
    } else {
      state->tell(reader);
    }
  }

 private:
  std::shared_ptr<State> state_;
};

class ChannelSenderTest : public testing::Test {
 protected:
  std::unique_ptr<ChannelSender> make(bool has_window) {
    return std::make_unique<ChannelSender>(owner, "1", std::make_unique<FakeChannel>(from), has_window);
  }
  static Taken taken(std::optional<std::uint64_t> bytes) { return {.path = "1", .bytes = bytes}; }

  RecordingOwner owner;
  std::shared_ptr<FakeChannel::State> from = std::make_shared<FakeChannel::State>();
};

TEST_F(ChannelSenderTest, sends_what_there_is_and_its_end) {
  from->give("a");
  const auto sender = make(true);
  sender->start();
  EXPECT_THAT(owner.take(), ElementsAre("send 1 a"));
  from->give("b");
  EXPECT_FALSE(sender->is_done());
  from->give(End{});
  EXPECT_THAT(owner.take(), ElementsAre("send 1 b", "finish 1", "sent 1"));
  EXPECT_TRUE(sender->is_done());
  EXPECT_TRUE(from->is_dropped);
}

TEST_F(ChannelSenderTest, a_future_that_breaks_off_ends_without_a_value) {
  from->is_future = true;
  const auto sender = make(true);
  sender->start();
  from->give(Error(Errc::io, "the disk is gone"));
  EXPECT_THAT(owner.take(), ElementsAre("finish 1", "sent 1"));
}

TEST_F(ChannelSenderTest, what_breaks_off_ends_in_the_middle_of_a_length) {
  const auto sender = make(true);
  sender->start();
  from->give(Error(Errc::io, "the disk is gone"));
  EXPECT_THAT(owner.take(), ElementsAre("send 1 " + std::string(wire::kBrokenChunk), "finish 1", "sent 1"));
}

TEST_F(ChannelSenderTest, reads_no_more_than_the_window_until_some_was_taken) {
  const std::string piece(kStreamWindow / 4, 'x');
  for (int count = 0; count < 12; ++count) from->give(piece);
  const auto sender = make(true);
  sender->start();
  EXPECT_EQ(owner.bytes, kStreamWindow);
  EXPECT_EQ(owner.take().back(), "waits");
  sender->acknowledge(taken(0));
  EXPECT_THAT(owner.take(), IsEmpty());
  sender->acknowledge(taken(piece.size()));
  EXPECT_EQ(owner.bytes, kStreamWindow + piece.size());
  EXPECT_THAT(owner.take(), ElementsAre("goes on", testing::StartsWith("send"), "waits"));
  // Less than before is as before; more than was sent, all of it.
  sender->acknowledge(taken(1));
  EXPECT_THAT(owner.take(), IsEmpty());
  sender->acknowledge(taken(UINT64_MAX));
  EXPECT_EQ(owner.bytes, 2 * kStreamWindow + piece.size());
}

TEST_F(ChannelSenderTest, who_says_nothing_is_not_waited_for) {
  for (int count = 0; count < 3; ++count) from->give(std::string(kStreamWindow, 'x'));
  const auto sender = make(false);
  sender->start();
  EXPECT_EQ(owner.bytes, 3 * kStreamWindow);
}

TEST_F(ChannelSenderTest, a_reader_that_has_gone_ends_it) {
  from->give(std::string(2 * kStreamWindow, 'x'));
  const auto sender = make(true);
  sender->start();
  EXPECT_EQ(owner.take().back(), "waits");
  sender->acknowledge(taken(std::nullopt));
  EXPECT_THAT(owner.take(), ElementsAre("goes on", "sent 1"));
  EXPECT_TRUE(from->is_dropped);
  sender->acknowledge(taken(std::nullopt));
  sender->acknowledge(taken(7));
  EXPECT_THAT(owner.take(), IsEmpty());
}

TEST_F(ChannelSenderTest, a_lost_connection_ends_it) {
  const auto sender = make(true);
  sender->start();
  owner.is_cut_off = true;
  from->give("a");
  EXPECT_THAT(owner.take(), ElementsAre("sent 1"));
  EXPECT_TRUE(sender->is_done());
}

class Reading final : public dispatch::ChannelReader {
 public:
  void on_piece(std::span<const std::byte> piece) override {
    lines.emplace_back(reinterpret_cast<const char*>(piece.data()), piece.size());
    if (reaction) reaction();
  }
  void on_end() override { lines.emplace_back("(end)"); }
  void on_broken(Error error) override { lines.push_back("(" + std::string(to_string(error.code())) + ")"); }

  std::vector<std::string> take() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
  std::function<void()> reaction;
};

class ChannelInboxTest : public testing::Test {
 protected:
  RecordingOwner owner;
  std::shared_ptr<ChannelInbox> inbox = std::make_shared<ChannelInbox>(
      owner, "0", std::make_shared<BacklogRoom>(BacklogLimits{.each = std::size_t{16} << 20, .shared = 0}));
  std::unique_ptr<dispatch::Channel> channel = ChannelInbox::channel(inbox);
  Reading reader;
};

TEST_F(ChannelInboxTest, gives_what_came_before_and_after_it_was_asked) {
  inbox->receive("a");
  inbox->receive("b");
  channel->read(reader);
  EXPECT_THAT(reader.take(), ElementsAre("ab"));
  channel->read(reader);
  EXPECT_THAT(owner.take(), ElementsAre("waits"));
  inbox->receive("c");
  EXPECT_THAT(reader.take(), ElementsAre("c"));
  EXPECT_THAT(owner.take(), ElementsAre("goes on"));
  inbox->receive("d");
  inbox->receive("");
  channel->read(reader);
  channel->read(reader);
  EXPECT_THAT(reader.take(), ElementsAre("d", "(end)"));
  EXPECT_THAT(owner.take(), ElementsAre("closed"));
  inbox->receive("more");
  channel.reset();
  EXPECT_THAT(owner.take(), IsEmpty()) << "all of it was read";
}

TEST_F(ChannelInboxTest, says_what_was_taken_by_the_quarter_of_the_window) {
  const std::string piece(kStreamWindow / 8, 'x');
  for (int count = 0; count < 5; ++count) {
    inbox->receive(piece);
    channel->read(reader);
  }
  EXPECT_THAT(owner.take(), ElementsAre("taken 0 " + std::to_string(kStreamWindow / 4),
                                        "taken 0 " + std::to_string(kStreamWindow / 2)));
}

TEST_F(ChannelInboxTest, breaks_off_when_more_waits_than_may) {
  const std::string piece(std::size_t{8} << 20, 'x');
  inbox->receive(piece);
  inbox->receive(piece);
  inbox->receive("x");
  EXPECT_FALSE(inbox->is_open());
  channel->read(reader);
  EXPECT_EQ(reader.take().front().size(), 2 * piece.size()) << "what has come is whole";
  channel->read(reader);
  EXPECT_THAT(reader.take(), ElementsAre("(resource_exhausted)"));
}

TEST_F(ChannelInboxTest, what_is_broken_off_is_told_after_what_has_come) {
  inbox->receive("a");
  inbox->break_off(Error(Errc::cancelled, "gone"));
  inbox->break_off(Error(Errc::internal, "the second does not count"));
  inbox->receive("late");
  channel->read(reader);
  channel->read(reader);
  EXPECT_THAT(reader.take(), ElementsAre("a", "(cancelled)"));
}

TEST_F(ChannelInboxTest, who_drops_it_early_says_so_once) {
  inbox->receive("a");
  channel->read(reader);
  channel->read(reader);
  owner.take();
  channel.reset();
  EXPECT_THAT(owner.take(), ElementsAre("goes on", "taken 0 -", "closed"));
  inbox->receive("b");
  inbox->receive("");
  EXPECT_THAT(owner.take(), IsEmpty());
  EXPECT_THAT(reader.take(), ElementsAre("a"));
}

TEST_F(ChannelInboxTest, may_be_dropped_from_inside_a_piece) {
  reader.reaction = [this] { channel.reset(); };
  channel->read(reader);
  inbox->receive("a");
  EXPECT_THAT(reader.take(), ElementsAre("a"));
  EXPECT_THAT(owner.take(), ElementsAre("waits", "goes on", "taken 0 -", "closed"));
}

TEST_F(ChannelInboxTest, outlives_its_call) {
  inbox->receive("a");
  inbox->leave();
  inbox->break_off(Error(Errc::cancelled, "gone"));
  channel->read(reader);
  channel->read(reader);
  channel.reset();
  EXPECT_THAT(reader.take(), ElementsAre("a", "(cancelled)"));
  EXPECT_THAT(owner.take(), IsEmpty());
}

TEST(TakenTest, is_a_number_or_an_end) {
  EXPECT_EQ(taken_of("taken.0.1", "17")->bytes, 17U);
  EXPECT_EQ(taken_of("taken.0.1", "17")->path, "0.1");
  EXPECT_EQ(taken_of("taken.0", "")->bytes, std::nullopt);
  for (const auto* const wrong : {"-1", "1x", " 1", "0x1", "99999999999999999999", "+1"}) {
    EXPECT_FALSE(taken_of("taken.0", wrong)) << wrong;
  }
  for (const auto* const other : {"taken", "taken.", "takenx", "results.0", ""}) {
    EXPECT_FALSE(taken_of(other, "1")) << other;
  }
}

}  // namespace
}  // namespace weft::wrpc
