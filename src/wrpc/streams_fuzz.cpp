// SPDX-License-Identifier: Apache-2.0
// A sender and an inbox with a wire between them that delivers when the script says so. Oracle: what is read is what
// was given, in order and with the end that it had; no more is on the way than the window lets, so that nothing is lost
// of a stream that is read however slowly; waits are told in turns; and a reader that has gone stops who sends.
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wire/byte_stream.hpp"
#include "wrpc/fuzz_script.hpp"
#include "wrpc/recording.hpp"
#include "wrpc/streams.hpp"

namespace {

using namespace weft;
using namespace weft::wrpc;
using weft::wrpc::testing_support::bytes_of;

constexpr std::size_t kUnit = std::size_t{8} << 10;
constexpr std::size_t kMostPiece = 255 * kUnit;
/// The window, what was taken and is not worth a word, and the piece that filled it.
constexpr std::size_t kMostAhead = kStreamWindow + kStreamWindow / 4 + kMostPiece;

/// What the guest or provider writes.
class Source final : public dispatch::Channel {
 public:
  struct State {
    std::deque<std::string> pieces;
    enum class Then : std::uint8_t { more, end, broken } then = Then::more;
    dispatch::ChannelReader* reader = nullptr;
    bool is_dropped = false;

    void look() {
      if (reader == nullptr || (pieces.empty() && then == Then::more)) return;
      auto& who = *std::exchange(reader, nullptr);
      if (!pieces.empty()) {
        const auto piece = std::move(pieces.front());
        pieces.pop_front();
        return who.on_piece(bytes_of(piece));
      }
      then == Then::end ? who.on_end() : who.on_broken(Error(Errc::io, "broken"));
    }
  };
  explicit Source(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Source() override {
    state_->is_dropped = true;
    state_->reader = nullptr;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  void read(dispatch::ChannelReader& reader) override {
    require(state_->reader == nullptr);
    const auto state = state_;
    state->reader = &reader;
    state->look();
  }

 private:
  std::shared_ptr<State> state_;
};

/// Both calls' ends of the stream.
class Side final : public StreamOwner {
 public:
  Result<void> send_piece(std::string_view /*path*/, std::string_view piece) override {
    require(!piece.empty());
    messages.emplace_back(piece);
    return {};
  }
  Result<void> finish_path(std::string_view /*path*/) override {
    messages.emplace_back();
    return {};
  }
  void on_sent(std::string_view /*path*/) override { require(!std::exchange(is_sent, true)); }
  void on_read(const Taken& taken) override { news.push_back(taken.bytes); }
  void on_waiting(bool waits) override { require(std::exchange(is_waiting, waits) != waits); }
  void on_inbox_closed() override { require(!std::exchange(is_closed, true)); }

  std::deque<std::string> messages;
  std::deque<std::optional<std::uint64_t>> news;
  bool is_sent = false;
  bool is_waiting = false;
  bool is_closed = false;
};

struct Trial final : dispatch::ChannelReader {
  void on_piece(std::span<const std::byte> piece) override {
    require(!is_over() && !piece.empty());
    is_reading = false;
    const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
    require(std::string_view(given).substr(received).starts_with(text));
    received += text.size();
  }
  void on_end() override {
    require(!is_over());
    is_reading = false;
    has_end = true;
  }
  void on_broken(Error /*error*/) override {
    require(!is_over());
    is_broken = true;
  }
  [[nodiscard]] bool is_over() const { return has_end || is_broken; }

  void step(FuzzScript& script) {
    const auto kind = script.byte();
    const auto size = script.byte() * kUnit;
    switch (kind % 8) {
      case 0:
      case 1:
        if (from->then == Source::State::Then::more && size > 0) {
          from->pieces.emplace_back(size, static_cast<char>('a' + given.size() % 26));
          given += from->pieces.back();
          from->look();
        }
        break;
      case 2:
        deliver();
        break;
      case 3:
        tell();
        break;
      case 4:
        read();
        break;
      case 5:
        if (size % 5 == 0) {
          from->then = Source::State::Then::end;
          from->look();
        }
        break;
      case 6:
        if (size % 13 == 0 && from->then == Source::State::Then::more) {
          from->then = Source::State::Then::broken;
          given += wire::kBrokenChunk;
          from->look();
        }
        break;
      case 7:
        if (size % 11 == 0) channel.reset();
        break;
    }
    check();
  }

  void deliver() {
    if (out.messages.empty()) return;
    const auto message = std::move(out.messages.front());
    out.messages.pop_front();
    delivered += message.size();
    inbox->receive(message);
  }
  void tell() {
    if (in.news.empty()) return;
    const auto news = in.news.front();
    in.news.pop_front();
    sender->acknowledge({.path = "0", .bytes = news});
  }
  void read() {
    if (channel == nullptr || is_reading || is_over()) return;
    is_reading = true;
    channel->read(*this);
  }

  void check() {
    std::size_t on_the_way = 0;
    for (const auto& message : out.messages) on_the_way += message.size();
    require(!is_broken);
    require(received <= delivered);
    // Those that the sender has not heard of yet make it wait, not run ahead.
    require(delivered + on_the_way <= received + kMostAhead);
  }

  void drain() {
    bool has_gone = channel == nullptr;
    for (std::size_t turns = 0; turns < 4096 && !(has_end || has_gone); ++turns) {
      if (from->then == Source::State::Then::more) {
        from->then = Source::State::Then::end;
        from->look();
      }
      deliver();
      tell();
      read();
      check();
    }
    if (!has_gone) {
      require(has_end && received == given.size() && out.is_sent && in.is_closed && !in.is_waiting && !out.is_waiting);
      return;
    }
    while (!in.news.empty()) tell();
    require(in.is_closed && !in.is_waiting && !out.is_waiting);
    require(has_end || out.is_sent || from->is_dropped);
  }

  std::shared_ptr<Source::State> from = std::make_shared<Source::State>();
  Side out;
  Side in;
  std::unique_ptr<ChannelSender> sender =
      std::make_unique<ChannelSender>(out, "0", std::make_unique<Source>(from), true);
  std::shared_ptr<ChannelInbox> inbox =
      std::make_shared<ChannelInbox>(in, "0", std::make_shared<BacklogRoom>(BacklogLimits{}));
  std::unique_ptr<dispatch::Channel> channel = ChannelInbox::channel(inbox);
  std::string given;
  std::size_t received = 0;
  std::size_t delivered = 0;
  bool is_reading = false;
  bool has_end = false;
  bool is_broken = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What another host says of it, as it stands in a message.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto half = text.size() / 2;
  if (const auto taken = taken_of(text.substr(0, half), text.substr(half))) {
    require(!taken->path.empty() && text.starts_with("taken.") && taken->bytes.has_value() != (half == size));
  }
  if (const auto taken = taken_of("taken.0", text)) {
    require(!taken->bytes || std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }));
  }
  FuzzScript script(data, size);
  Trial trial;
  trial.sender->start();
  while (!script.is_over()) trial.step(script);
  trial.drain();
  trial.inbox->leave();
  return 0;
}
