// SPDX-License-Identifier: Apache-2.0
#include "builtins/stream_channels.hpp"

#include <boost/asio/post.hpp>
#include <optional>
#include <thread>
#include <utility>

namespace weft::builtins {
namespace {

using Io = std::shared_ptr<boost::asio::io_context>;

/// A channel on its shard, and who waits for a piece of it.
class Cell final : public dispatch::ChannelReader, public std::enable_shared_from_this<Cell> {
 public:
  explicit Cell(std::unique_ptr<dispatch::Channel> channel) : channel_(std::move(channel)) {}
  ~Cell() = default;
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  void read(ReadDone done) {
    if (channel_ == nullptr) return done(Bytes());
    done_ = std::move(done);
    channel_->read(*this);
  }
  /// What it may be answering now goes on to its end.
  void close() {
    channel_.reset();
    done_ = {};
  }

 private:
  void on_piece(std::span<const std::byte> piece) override { tell(Bytes(piece.begin(), piece.end())); }
  void on_end() override { tell(Bytes()); }
  void on_broken(Error error) override { tell(std::move(error)); }

  void tell(Result<Bytes> outcome) {
    const auto self = shared_from_this();
    if (auto done = std::exchange(done_, {})) done(std::move(outcome));
  }

  std::unique_ptr<dispatch::Channel> channel_;
  ReadDone done_;
};

/// Any thread's way to a Cell. Each step is a turn of the shard's own, so nothing of it is nested.
class In final : public detail::ChannelIn {
 public:
  In(Io io, std::unique_ptr<dispatch::Channel> channel)
      : io_(std::move(io)), cell_(std::make_shared<Cell>(std::move(channel))) {}
  ~In() override {
    const auto io = std::exchange(io_, nullptr);
    boost::asio::post(*io, [cell = std::move(cell_)]() noexcept { cell->close(); });
  }
  In(const In&) = delete;
  In& operator=(const In&) = delete;

  void read(ReadDone done) override {
    boost::asio::post(*io_, [cell = cell_, done = std::move(done)]() mutable noexcept { cell->read(std::move(done)); });
  }

 private:
  Io io_;  ///< let go of before the last is posted there: the loop's queue must not hold the loop
  std::shared_ptr<Cell> cell_;
};

/// What a provider writes, read on the shard of the call.
class Out final : public dispatch::Channel {
 public:
  Out(Io io, std::shared_ptr<detail::ChannelOut> from)
      : io_(std::move(io)), from_(std::move(from)), state_(std::make_shared<State>()) {}
  ~Out() override {
    state_->reader = nullptr;
    from_->close();
  }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  void read(dispatch::ChannelReader& reader) override {
    state_->reader = &reader;
    const auto state = state_;
    const auto from = from_;
    state->in_read = true;
    from->read([state, io = std::weak_ptr(io_), thread = std::this_thread::get_id()](Result<Bytes> bytes) {
      // Of one thread at a time: the writer's, or this one.
      if (std::this_thread::get_id() == thread && state->in_read) {
        state->early.emplace(std::move(bytes));
      } else if (const auto loop = io.lock()) {
        boost::asio::post(*loop,
                          [state, bytes = std::move(bytes)]() mutable noexcept { state->tell(std::move(bytes)); });
      }
    });
    state->in_read = false;
    if (state->early) state->tell(*std::exchange(state->early, std::nullopt));
  }
  [[nodiscard]] bool is_future() const noexcept override { return from_->kind() == detail::ChannelOut::Kind::future; }

 private:
  /// Shared with a read that is under way.
  struct State {
    void tell(Result<Bytes> bytes) {
      auto* const told = std::exchange(reader, nullptr);
      if (told == nullptr) return;
      if (!bytes) return told->on_broken(std::move(bytes).error());
      bytes->empty() ? told->on_end() : told->on_piece(*bytes);
    }
    dispatch::ChannelReader* reader = nullptr;
    std::optional<Result<Bytes>> early;
    bool in_read = false;
  };

  Io io_;
  std::shared_ptr<detail::ChannelOut> from_;
  std::shared_ptr<State> state_;
};

}  // namespace

std::vector<detail::NamedChannelIn> to_provider(async::Shard& shard, dispatch::Channels channels) {
  std::vector<detail::NamedChannelIn> out;
  out.reserve(channels.size());
  for (auto& [path, channel] : channels) {
    out.push_back({.path = std::move(path), .channel = std::make_unique<In>(shard.shared_io(), std::move(channel))});
  }
  return out;
}

dispatch::Channels from_provider(const Io& io, std::vector<detail::NamedChannelOut> channels) {
  dispatch::Channels out;
  out.reserve(channels.size());
  for (auto& [path, channel] : channels) {
    out.push_back({.path = std::move(path), .channel = std::make_unique<Out>(io, std::move(channel))});
  }
  return out;
}

}  // namespace weft::builtins
