// SPDX-License-Identifier: Apache-2.0
// Calls with streams between hosts, through every part: RemoteTarget, Endpoint, Ingress, ServedFunction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wrpc/lattice_fixture.hpp"
#include "wrpc/streams.hpp"

namespace weft::wrpc {
namespace {

using testing::StartsWith;
using namespace testing_support;

/// Gives `count` pieces of `size` and ends, breaks off, or says no more; counts what was asked of it.
class Source final : public dispatch::Channel {
 public:
  enum class Then : std::uint8_t { end, break_off, wait };
  struct Counts {
    std::atomic<std::uint64_t> given{0};
    std::atomic<int> dropped{0};
  };
  Source(std::shared_ptr<Counts> counts, std::size_t count, std::size_t size, Then then = Then::end)
      : counts_(std::move(counts)), left_(count), piece_(size, 'x'), then_(then) {}
  ~Source() override { ++counts_->dropped; }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  void read(dispatch::ChannelReader& reader) override {
    if (left_ > 0) {
      left_ -= 1;
      counts_->given += piece_.size();
      const auto piece = piece_;  // it may be destroyed by whom it tells
      return reader.on_piece(bytes_of(piece));
    }
    if (then_ == Then::end) return reader.on_end();  // which may destroy it
    if (then_ == Then::break_off) reader.on_broken(Error(Errc::io, "the disk is gone"));
  }

 private:
  std::shared_ptr<Counts> counts_;
  std::size_t left_;
  std::string piece_;
  Then then_;
};

/// Reads a channel to its end, or until it is told to stop; pauses when it was given `pause_at` bytes.
class Sink final : public dispatch::ChannelReader {
 public:
  void take(std::unique_ptr<dispatch::Channel> channel) {
    channel_ = std::move(channel);
    go_on();
  }
  /// On its shard.
  void go_on() {
    if (channel_ != nullptr && bytes < pause_at && !std::exchange(is_reading_, true)) channel_->read(*this);
  }
  void drop() { channel_.reset(); }

  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> pause_at{UINT64_MAX};
  std::atomic<int> ended{0};
  std::atomic<int> broken{0};
  std::atomic<bool> ended_in_a_length{false};

 private:
  void on_piece(std::span<const std::byte> piece) override {
    bytes += piece.size();
    ended_in_a_length = piece.back() == std::byte{0x80};
    EXPECT_TRUE(std::exchange(is_reading_, false));
    go_on();
  }
  void on_end() override { ++ended; }
  void on_broken(Error /*error*/) override { ++broken; }

  std::unique_ptr<dispatch::Channel> channel_;
  bool is_reading_ = false;
};

/// A function with a stream in its parameters ("1") and one in its results ("0"), on the host that serves it.
class StreamTarget final : public dispatch::Target {
 public:
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] std::vector<dispatch::FunctionName> functions() const override {
    return {{.interface = "acme:a/b@1.0.0", .function = "get", .param_paths = {"1"}}};
  }
  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard, const dispatch::Invocation& call,
                                                dispatch::CallHandler& caller) override {
    at = &shard;
    if (call.channels != nullptr && takes) in.take(std::move(call.channels->front().channel));
    if (fails) {
      caller.on_error(Error(Errc::refused, "not today"));
      return nullptr;
    }
    dispatch::Channels out;
    if (gives) out.push_back({.path = "0", .channel = std::move(gives)});
    caller.on_streamed_results(bytes_of("results"), std::move(out));
    ++calls;
    return nullptr;
  }

  Sink in;
  std::unique_ptr<dispatch::Channel> gives;
  bool takes = true;
  bool fails = false;
  std::atomic<async::Shard*> at = nullptr;
  std::atomic<int> calls{0};

 private:
  std::string id_ = "x";
};

class StreamCall final : public dispatch::CallHandler {
 public:
  StreamCall(async::Shard& shard, dispatch::Target& target, std::unique_ptr<dispatch::Channel> upload,
             bool reads_results, std::uint64_t pause_at)
      : shard_(shard) {
    out.pause_at = pause_at;
    on_shard(shard_, [&] {
      dispatch::Channels channels;
      if (upload) channels.push_back({.path = "1", .channel = std::move(upload)});
      static constexpr std::string_view kPaths[] = {"0"};
      pending_ = target.invoke(shard_,
                               {.interface = "acme:a/b@1.0.0",
                                .function = "get",
                                .params = bytes_of("params"),
                                .context = {},
                                .channels = channels.empty() ? nullptr : &channels,
                                .result_paths = reads_results ? std::span<const std::string_view>(kPaths)
                                                              : std::span<const std::string_view>()},
                               *this);
    });
  }
  ~StreamCall() {
    on_shard(shard_, [this] {
      pending_.reset();
      out.drop();
    });
  }
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

  std::string wait() {
    EXPECT_TRUE(eventually([this] { return is_told.load(); }));
    return is_told ? told_ : "(nothing)";
  }
  void on_results(std::span<const std::byte> results) override { on_streamed_results(results, {}); }
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) override {
    told_.assign(reinterpret_cast<const char*>(results.data()), results.size());
    if (!channels.empty()) out.take(std::move(channels.front().channel));
    pending_.reset();
    is_told = true;
  }
  void on_error(Error error) override {
    told_ = std::string(to_string(error.code())) + ": " + error.message();
    pending_.reset();
    is_told = true;
  }

  Sink out;
  std::atomic<bool> is_told{false};

 private:
  async::Shard& shard_;
  std::unique_ptr<dispatch::PendingCall> pending_;
  std::string told_;
};

class RemoteStreamsTest : public LatticeTest {
 protected:
  static constexpr std::size_t kPiece = std::size_t{256} << 10;
  /// What a sender may be ahead of who takes: the window, what was taken and is not worth a word yet, and the piece
  /// that filled it.
  static constexpr std::uint64_t kAhead = kStreamWindow + kStreamWindow / 4 + kPiece;

  /// `sink` takes but a little at a time: what is on the way is never more than may be.
  void read_slowly(Sink& sink, const std::function<async::Shard&()>& shard) {
    for (std::uint64_t goal = 1; sink.ended == 0; goal = sink.bytes + 3 * kPiece) {
      sink.pause_at = goal;
      on_shard(shard(), [&] { sink.go_on(); });
      ASSERT_TRUE(eventually([&] { return sink.bytes >= goal || sink.ended == 1; }));
      const std::uint64_t given = counts_->given;
      ASSERT_LE(given, sink.bytes + kAhead);
    }
  }

  StreamTarget& serve_streams() {
    target_ = std::make_shared<StreamTarget>();
    there_->serve(target_);
    return *target_;
  }
  std::unique_ptr<dispatch::Channel> source(std::size_t count, Source::Then then = Source::Then::end) {
    return std::make_unique<Source>(counts_, count, kPiece, then);
  }
  StreamCall& call(std::unique_ptr<dispatch::Channel> upload, bool reads_results = true,
                   std::uint64_t pause_at = UINT64_MAX) {
    remote_ = std::make_unique<RemoteTarget>(here_->endpoint, "x");
    call_ = std::make_unique<StreamCall>(here_->shard(), *remote_, std::move(upload), reads_results, pause_at);
    return *call_;
  }
  void TearDown() override {
    call_.reset();
    LatticeTest::TearDown();
  }

  std::shared_ptr<Source::Counts> counts_ = std::make_shared<Source::Counts>();
  std::shared_ptr<StreamTarget> target_;
  std::unique_ptr<RemoteTarget> remote_;
  std::unique_ptr<StreamCall> call_;
};

TEST_F(RemoteStreamsTest, streams_go_both_ways_beyond_the_answer) {
  start();
  auto& target = serve_streams();
  target.gives = source(40, Source::Then::wait);
  auto& made = call(source(40));
  EXPECT_EQ(made.wait(), "results");
  EXPECT_TRUE(eventually([&] { return made.out.bytes == 40 * kPiece && target.in.ended == 1; }));
  EXPECT_EQ(target.in.bytes, 40 * kPiece);
  EXPECT_EQ(made.out.ended, 0);
  on_shard(here_->shard(), [&] { made.out.drop(); });
  expect_idle();
  EXPECT_EQ(counts_->dropped, 2);
}

TEST_F(RemoteStreamsTest, nobody_is_further_ahead_of_a_slow_reader_than_the_window) {
  start();
  auto& target = serve_streams();
  target.in.pause_at = 1;
  target.gives = source(0, Source::Then::wait);
  auto& made = call(source(400));
  EXPECT_EQ(made.wait(), "results");
  read_slowly(target.in, [&]() -> async::Shard& { return *target.at; });
  EXPECT_EQ(target.in.bytes, 400 * kPiece);
  on_shard(here_->shard(), [&] { made.out.drop(); });
  expect_idle();
}

TEST_F(RemoteStreamsTest, a_slow_caller_holds_back_who_serves) {
  start();
  auto& target = serve_streams();
  target.gives = source(400);
  target.takes = false;
  auto& made = call(nullptr, true, 1);
  EXPECT_EQ(made.wait(), "results");
  read_slowly(made.out, [&]() -> async::Shard& { return here_->shard(); });
  EXPECT_EQ(made.out.bytes, 400 * kPiece);
  expect_idle();
}

TEST_F(RemoteStreamsTest, what_breaks_off_looks_broken_on_the_other_side) {
  start();
  auto& target = serve_streams();
  target.gives = source(0, Source::Then::wait);
  EXPECT_EQ(call(source(1, Source::Then::break_off)).wait(), "results");
  EXPECT_TRUE(eventually([&] { return target.in.ended == 1; }));
  EXPECT_TRUE(target.in.ended_in_a_length);
  call_.reset();
  target.gives = source(1, Source::Then::break_off);
  auto& made = call(nullptr);
  EXPECT_EQ(made.wait(), "results");
  EXPECT_TRUE(eventually([&] { return made.out.ended == 1; }));
  EXPECT_TRUE(made.out.ended_in_a_length);
  expect_idle();
}

TEST_F(RemoteStreamsTest, what_is_called_may_read_on_when_all_it_gives_has_ended) {
  start();
  auto& target = serve_streams();
  target.in.pause_at = 1;
  target.gives = source(1);
  auto& made = call(source(400));
  EXPECT_TRUE(eventually([&] { return made.out.ended == 1 && target.in.bytes > 0; }));
  EXPECT_EQ(target.in.ended, 0);
  read_slowly(target.in, [&]() -> async::Shard& { return *target.at.load(); });
  EXPECT_EQ(target.in.bytes, 400 * kPiece);
  EXPECT_EQ(target.in.ended, 1);
  expect_idle();
}

TEST_F(RemoteStreamsTest, who_serves_and_reads_no_more_stops_who_sends) {
  start();
  auto& target = serve_streams();
  target.in.pause_at = 1;
  target.gives = source(0, Source::Then::wait);
  auto& made = call(source(400, Source::Then::wait));
  EXPECT_EQ(made.wait(), "results");
  EXPECT_TRUE(eventually([&] { return target.in.bytes > 0; }));
  on_shard(*target.at.load(), [&] { target.in.drop(); });
  // The call goes on: its results do.
  EXPECT_TRUE(eventually([&] { return counts_->dropped == 1; })) << "the upload was given up";
  EXPECT_LE(counts_->given, target.in.bytes + kAhead);
  EXPECT_EQ(made.out.ended, 0);
  on_shard(here_->shard(), [&] { made.out.drop(); });
  EXPECT_TRUE(eventually([&] { return counts_->dropped == 2; })) << "and so was the download";
  expect_idle();
}

TEST_F(RemoteStreamsTest, a_call_without_streamed_results_ends_with_its_answer) {
  start();
  auto& target = serve_streams();
  target.takes = false;
  EXPECT_EQ(call(source(400, Source::Then::wait), false).wait(), "results");
  EXPECT_TRUE(eventually([&] { return counts_->dropped == 1; }));
  expect_idle();
}

TEST_F(RemoteStreamsTest, an_error_ends_both_streams) {
  start();
  auto& target = serve_streams();
  target.fails = true;
  EXPECT_THAT(call(source(400, Source::Then::wait)).wait(), StartsWith("refused"));
  EXPECT_TRUE(eventually([&] { return counts_->dropped == 1 && target.in.broken == 1; }));
  expect_idle();
}

TEST_F(RemoteStreamsTest, a_caller_that_is_cut_off_leaves_nothing_behind) {
  auto config = LatticeTest::config();
  config.body_timeout = 100ms;
  start(config, config);
  auto& target = serve_streams();
  target.gives = source(400);
  target.in.pause_at = 1;
  auto& made = call(source(400));
  EXPECT_EQ(made.wait(), "results");
  here_->bus.disconnect();
  EXPECT_TRUE(eventually([&] { return made.out.broken == 1 || made.out.ended == 1; }));
  // Who serves hears nothing any more, and waits for a while.
  EXPECT_TRUE(eventually([&] { return there_->calls() == 0; }));
  EXPECT_TRUE(eventually([&] { return counts_->dropped == 2; }));
}

}  // namespace
}  // namespace weft::wrpc
