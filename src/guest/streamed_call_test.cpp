// SPDX-License-Identifier: Apache-2.0
// Calls of a guest with streams, as whoever calls it sees them: the results come first, and the streams go on.
#include "guest/streamed_call.hpp"

#include "async/on_shard.hpp"
#include "guest/component_target_fixture.hpp"
#include "wire/byte_stream.hpp"

namespace weft::guest {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPipes = "weft:streams/pipes";
constexpr std::byte kFollows{0};  // in the place of a stream among values

engine::Bytes number(std::uint64_t value) {
  engine::Bytes bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::byte>(value | 0x80));
  bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

/// A `stream<u8>` as it is on its channel.
engine::Bytes stream_of(std::string_view text) {
  const auto bytes = wire::encode_chunk(std::as_bytes(std::span(text))).append(wire::kStreamEnd);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

/// What a guest reads: those bytes in pieces of two, and then the end, a break or nothing.
class Given final : public dispatch::Channel {
 public:
  enum class Then : std::uint8_t { ends, breaks, waits };
  Given(engine::Bytes bytes, Then then, std::atomic<bool>& is_gone)
      : bytes_(std::move(bytes)), then_(then), is_gone_(is_gone) {}
  ~Given() override { is_gone_ = true; }
  Given(const Given&) = delete;
  Given& operator=(const Given&) = delete;

  void read(dispatch::ChannelReader& reader) override {
    const std::span left = std::span(bytes_).subspan(at_);
    if (!left.empty()) {
      const auto piece = left.first(std::min<std::size_t>(2, left.size()));
      at_ += piece.size();
      return reader.on_piece(piece);
    }
    if (then_ == Then::ends) return reader.on_end();
    if (then_ == Then::breaks) reader.on_broken(Error(Errc::unavailable, "the writer has gone"));
  }

 private:
  engine::Bytes bytes_;
  Then then_;
  std::size_t at_ = 0;
  std::atomic<bool>& is_gone_;
};

/// Calls, and reads what comes beside the results when it is told to. Everything happens on the shard.
class StreamCaller final : private dispatch::CallHandler, private dispatch::ChannelReader {
 public:
  StreamCaller(async::Shard& shard, dispatch::Target& target, std::string function, engine::Bytes params,
               dispatch::Channels channels = {}, dispatch::CallContext context = {})
      : shard_(shard) {
    on_shard([&] {
      auto pending = target.invoke(shard_,
                                   {.interface = kPipes,
                                    .function = function,
                                    .params = params,
                                    .context = context,
                                    .channels = channels.empty() ? nullptr : &channels},
                                   *this);
      if (!told_) pending_ = std::move(pending);
    });
  }
  ~StreamCaller() { leave(); }
  StreamCaller(const StreamCaller&) = delete;
  StreamCaller& operator=(const StreamCaller&) = delete;

  void leave() {
    on_shard([this] {
      pending_.reset();
      channels_.clear();
    });
  }
  /// Reads the stream among the results until it has so many bytes, or it is over.
  void read(std::size_t most = SIZE_MAX) {
    on_shard([this, most] {
      most_ = most;
      channels_.at(0).channel->read(*this);
    });
  }
  void drop_stream() {
    on_shard([this] { channels_.clear(); });
  }
  /// What came beside the results: "stream 0.1".
  std::vector<std::string> streams() {
    std::vector<std::string> names;
    on_shard([&] {
      for (const auto& [path, channel] : channels_) {
        names.push_back((channel->is_future() ? "future " : "stream ") + path);
      }
    });
    return names;
  }
  bool is_told() {
    return eventually([this] { return told_.load(); });
  }
  bool is_over() {
    return eventually([this] { return over_.load(); });
  }

  // Once it is told, or over.
  engine::Bytes results, read_bytes;
  std::optional<Error> error, broken;

 private:
  template <class Work>
  void on_shard(Work work) {
    async::on_shard(shard_, work);
  }
  void tell() {
    told_ = true;
    pending_.reset();
  }
  void on_results(std::span<const std::byte> bytes) override {
    results.assign(bytes.begin(), bytes.end());
    tell();
  }
  void on_streamed_results(std::span<const std::byte> bytes, dispatch::Channels channels) override {
    channels_ = std::move(channels);
    on_results(bytes);
  }
  void on_error(Error why) override {
    error = std::move(why);
    tell();
  }
  void on_piece(std::span<const std::byte> piece) override {
    read_bytes.insert(read_bytes.end(), piece.begin(), piece.end());
    if (read_bytes.size() >= most_) {
      over_ = true;
    } else {
      channels_.at(0).channel->read(*this);
    }
  }
  void on_end() override { over_ = true; }
  void on_broken(Error why) override {
    broken = std::move(why);
    over_ = true;
  }

  async::Shard& shard_;
  std::unique_ptr<dispatch::PendingCall> pending_;
  dispatch::Channels channels_;
  std::size_t most_ = 0;
  std::atomic<bool> told_{false}, over_{false};
};

class StreamedCallTest : public ComponentTargetTest {
 protected:
  void SetUp() override { target_ = &start("callee", "streams-callee"); }

  StreamCaller call(const std::string& function, engine::Bytes params, dispatch::CallContext context = {}) {
    return {shards.at(0), *target_, function, std::move(params), {}, context};
  }
  /// With one stream as the first parameter.
  StreamCaller give(const std::string& function, engine::Bytes stream, Given::Then then, engine::Bytes params,
                    dispatch::CallContext context = {}) {
    dispatch::Channels channels;
    channels.push_back({.path = "0", .channel = std::make_unique<Given>(std::move(stream), then, is_gone_)});
    return {shards.at(0), *target_, function, std::move(params), std::move(channels), context};
  }
  bool is_idle() {
    return eventually([this] { return target_->stats().running == 0; });
  }

  ComponentTarget* target_ = nullptr;
  std::atomic<bool> is_gone_{false};  ///< the stream that was given
};

TEST_F(StreamedCallTest, the_results_come_before_the_stream_among_them_ends) {
  auto caller = call("bytes", number(300'000));
  ASSERT_TRUE(caller.is_told());
  EXPECT_EQ(caller.results, engine::Bytes{kFollows});
  EXPECT_EQ(target_->stats().running, 1U) << "it waits for a reader";
  caller.read();
  ASSERT_TRUE(caller.is_over());
  EXPECT_FALSE(caller.broken);
  EXPECT_GT(caller.read_bytes.size(), 300'000U);
  EXPECT_EQ(caller.read_bytes.back(), std::byte{0}) << "it is whole";
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, a_stream_among_the_parameters_is_read_in_any_pieces) {
  auto caller = give("sum", stream_of("abc"), Given::Then::ends, {kFollows});
  ASSERT_TRUE(caller.is_told());
  ASSERT_FALSE(caller.error) << caller.error->to_string();
  auto expected = number(3);
  for (const auto byte : number('a' + 'b' + 'c')) expected.push_back(byte);
  EXPECT_EQ(caller.results, expected);
  EXPECT_TRUE(is_gone_);
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, a_stream_that_breaks_off_is_not_taken_for_whole) {
  auto cut = stream_of("abc");
  cut.resize(3);  // an end between two chunks would do
  for (const auto then : {Given::Then::ends, Given::Then::breaks}) {
    auto caller = give("sum", cut, then, {kFollows});
    ASSERT_TRUE(caller.is_told());
    ASSERT_TRUE(caller.error);
    EXPECT_NE(caller.error->message().find("broke off"), std::string::npos) << caller.error->to_string();
  }
  auto caller = give("echo", cut, Given::Then::breaks, {std::byte{1}, kFollows});
  ASSERT_TRUE(caller.is_told()) << "what it gives back is the very stream";
  EXPECT_TRUE(is_gone_);
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, the_writer_ends_when_its_reader_goes) {
  auto caller = call("bytes", number(std::uint64_t{1} << 50));
  ASSERT_TRUE(caller.is_told());
  caller.read(100'000);
  ASSERT_TRUE(caller.is_over());
  EXPECT_EQ(target_->stats().running, 1U);
  caller.drop_stream();
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, a_caller_that_leaves_before_the_results_ends_the_call) {
  auto caller = give("sum", number(200), Given::Then::waits, {kFollows});
  EXPECT_TRUE(eventually([this] { return target_->stats().running == 1; }));
  caller.leave();
  EXPECT_TRUE(is_idle());
  EXPECT_TRUE(is_gone_);
  EXPECT_FALSE(caller.error) << "nobody is told";
}

TEST_F(StreamedCallTest, the_deadline_is_for_the_results_and_not_for_what_follows) {
  auto late = give("sum", number(200), Given::Then::waits, {kFollows}, within(50ms));
  ASSERT_TRUE(late.is_told());
  ASSERT_TRUE(late.error);
  EXPECT_EQ(late.error->code(), Errc::deadline_exceeded);
  EXPECT_TRUE(is_gone_);

  auto caller = call("bytes", number(300'000), within(2s));
  ASSERT_TRUE(caller.is_told());
  ASSERT_FALSE(caller.error) << caller.error->to_string();
  const auto after = std::chrono::steady_clock::now() + 2100ms;
  EXPECT_TRUE(eventually([after] { return std::chrono::steady_clock::now() > after; }));
  caller.read();
  ASSERT_TRUE(caller.is_over());
  EXPECT_FALSE(caller.broken);
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, the_deadline_is_for_both_if_the_reader_cannot_say_that_it_has_gone) {
  auto context = within(300ms);
  context.deadline_for_streams = true;
  auto caller = call("bytes", number(std::uint64_t{1} << 50), context);
  ASSERT_TRUE(caller.is_told());
  ASSERT_FALSE(caller.error) << caller.error->to_string();
  EXPECT_TRUE(is_idle());
  caller.read();
  ASSERT_TRUE(caller.is_over());
  EXPECT_TRUE(caller.broken);
}

TEST_F(StreamedCallTest, only_streams_that_the_values_have_are_given_out) {
  auto none = call("echo", {std::byte{0}});
  ASSERT_TRUE(none.is_told());
  EXPECT_EQ(none.streams(), (std::vector<std::string>{}));
  auto refused = call("words", {std::byte{0}});
  ASSERT_TRUE(refused.is_told());
  EXPECT_EQ(refused.streams(), (std::vector<std::string>{}));
  auto words = call("words", encoded("a b"));
  ASSERT_TRUE(words.is_told());
  EXPECT_EQ(words.streams(), (std::vector<std::string>{"stream 0.0", "future 0.1"}));
}

TEST_F(StreamedCallTest, a_guest_that_fails_later_breaks_its_streams_off) {
  auto caller = call("broken", {});
  ASSERT_TRUE(caller.is_told());
  ASSERT_FALSE(caller.error) << caller.error->to_string();
  caller.read();
  ASSERT_TRUE(caller.is_over());
  EXPECT_TRUE(caller.broken);
  EXPECT_TRUE(is_idle());
}

TEST_F(StreamedCallTest, a_component_that_is_closed_breaks_its_streams_off) {
  auto caller = call("bytes", number(std::uint64_t{1} << 50));
  auto waiting = give("sum", number(200), Given::Then::waits, {kFollows});
  ASSERT_TRUE(caller.is_told());
  target_->close(0ms);
  ASSERT_TRUE(waiting.is_told());
  EXPECT_TRUE(waiting.error);
  EXPECT_TRUE(is_gone_);
  caller.read();
  ASSERT_TRUE(caller.is_over());
  EXPECT_TRUE(caller.broken);
}

TEST_F(StreamedCallTest, streams_go_from_guest_to_guest) {
  auto& caller = start("caller", "streams-caller");
  link("caller", "callee", kPipes);
  const auto drive = [&](std::string function, engine::Bytes params) {
    return TestCall(shards.at(0), caller, "weft:streams/drive", std::move(function), std::move(params), {}).wait();
  };
  const auto fetched = drive("fetch", number(200'000));
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(*fetched, number(200'000));
  const auto doubled = drive("double", number(21));
  ASSERT_TRUE(doubled) << doubled.error().to_string();
  EXPECT_EQ(*doubled, number(42));
  const auto some = drive("fetch-some", number(1000));
  ASSERT_TRUE(some) << some.error().to_string();
  const auto broken = drive("broken", {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Errc::trap);
  EXPECT_TRUE(is_idle());
}

}  // namespace
}  // namespace weft::guest
