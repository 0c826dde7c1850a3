// SPDX-License-Identifier: Apache-2.0
#include "guest/guest_streams.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace weft::guest {
namespace {

Error gone() { return {Errc::cancelled, "the guest that wrote the stream has given it up", {}, Blame::guest}; }

}  // namespace

/// Shared by the channel and by whoever tells it of the guest.
struct GuestStreams::UploadState {
  /// The guest has dropped it, or goes.
  void leave() {
    call = nullptr;
    look_again();
  }
  /// Tells `reader` what there is; nothing of this is touched after that.
  void look(dispatch::ChannelReader& reader) {
    if (call == nullptr) {
      return reader.on_broken(gone());
    }
    const auto piece = call->read_stream(token, channel);
    switch (piece.state) {
      case engine::BodyState::pending:
        waiting = &reader;
        return;
      case engine::BodyState::data:
        return reader.on_piece(piece.data);
      case engine::BodyState::end:
        return reader.on_end();
      case engine::BodyState::trailers:
      case engine::BodyState::failed:
        return reader.on_broken(gone());
    }
  }
  void look_again() {
    if (auto* const reader = std::exchange(waiting, nullptr)) {
      look(*reader);
    }
  }

  engine::Call* call = nullptr;  ///< null: it has gone
  std::uint64_t token = 0;
  std::uint32_t channel = 0;
  const Upload* owner = nullptr;  ///< the channel that reads
  dispatch::ChannelReader* waiting = nullptr;
};

class GuestStreams::Upload final : public dispatch::Channel {
 public:
  Upload(std::shared_ptr<UploadState> state, bool is_future) : state_(std::move(state)), is_future_(is_future) {
    state_->owner = this;
  }
  ~Upload() override {
    if (state_->owner != this) {
      return;
    }
    state_->owner = nullptr;
    state_->waiting = nullptr;
    if (state_->call != nullptr) {
      state_->call->close_stream(state_->token, state_->channel);
    }
  }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  void read(dispatch::ChannelReader& reader) override {
    const auto state = state_;
    state->look(reader);
  }
  [[nodiscard]] bool is_future() const noexcept override { return is_future_; }

 private:
  std::shared_ptr<UploadState> state_;
  bool is_future_;
};

class GuestStreams::Download final : private dispatch::ChannelReader {
 public:
  Download(engine::Call& call, std::uint64_t token, std::uint32_t number, std::unique_ptr<dispatch::Channel> channel)
      : call_(call), token_(token), number_(number), channel_(std::move(channel)) {}
  virtual ~Download() = default;
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  /// The guest waits for more.
  void pull() {
    if (channel_ == nullptr) {
      return call_.fail_stream(token_, number_, "the other side did not send it");
    }
    if (!std::exchange(is_reading_, true)) {
      channel_->read(*this);
    }
  }

 private:
  void on_piece(std::span<const std::byte> piece) override {
    is_reading_ = false;
    call_.push_stream(token_, number_, piece);
  }
  void on_end() override {
    channel_.reset();
    call_.end_stream(token_, number_);
  }
  void on_broken(Error error) override {
    channel_.reset();
    call_.fail_stream(token_, number_, error.to_string());
  }

  engine::Call& call_;
  std::uint64_t token_;
  std::uint32_t number_;
  bool is_reading_ = false;
  std::unique_ptr<dispatch::Channel> channel_;  ///< null: it has ended
};

struct GuestStreams::Streams {
  std::vector<std::shared_ptr<UploadState>> uploads;  ///< null: not asked for
  std::vector<std::unique_ptr<Download>> downloads;   ///< null: the guest has left it
};

GuestStreams::GuestStreams() = default;
GuestStreams::~GuestStreams() { close(); }

GuestStreams::Streams& GuestStreams::of(std::uint64_t token) {
  auto& streams = by_token_[token];
  if (streams == nullptr) {
    streams = std::make_unique<Streams>();
  }
  return *streams;
}

std::unique_ptr<dispatch::Channel> GuestStreams::upload(engine::Call& call, std::uint64_t token,
                                                        std::uint32_t channel) {
  const auto kind = call.kind_of(token, channel);
  if (kind == engine::ChannelKind::none) {
    return nullptr;
  }
  auto& uploads = of(token).uploads;
  if (channel >= uploads.size()) {
    uploads.resize(channel + 1);
  }
  auto& state = uploads[channel];
  if (state == nullptr) {
    state = std::make_shared<UploadState>();
    state->call = &call;
    state->token = token;
    state->channel = channel;
  }
  return std::make_unique<Upload>(state, kind == engine::ChannelKind::future);
}

dispatch::Channels GuestStreams::uploads(engine::Call& call, std::uint64_t token,
                                         std::span<const std::string_view> paths) {
  dispatch::Channels channels;
  std::uint32_t number = 0;
  for (const auto path : paths) {
    if (auto channel = upload(call, token, number++)) {
      channels.push_back({.path = std::string(path), .channel = std::move(channel)});
    }
  }
  return channels;
}

void GuestStreams::take(engine::Call& call, std::uint64_t token, dispatch::Channels channels,
                        std::span<const std::string_view> paths) {
  auto& streams = of(token);
  streams.downloads.clear();
  for (const auto path : paths) {
    const auto number = static_cast<std::uint32_t>(streams.downloads.size());
    const auto found = std::ranges::find(channels, path, &dispatch::NamedChannel::path);
    streams.downloads.push_back(
        std::make_unique<Download>(call, token, number, found == channels.end() ? nullptr : std::move(found->channel)));
  }
}

void GuestStreams::on_event(const engine::StreamEvent& event) {
  const auto found = by_token_.find(event.token);
  if (found == by_token_.end()) {
    return;
  }
  auto& streams = *found->second;
  switch (event.kind) {
    case engine::StreamEvent::Kind::readable:
      if (event.channel < streams.uploads.size() && streams.uploads[event.channel]) {
        const auto upload = streams.uploads[event.channel];
        upload->look_again();
      }
      return;
    case engine::StreamEvent::Kind::left:
      if (event.channel < streams.downloads.size()) {
        // What it holds tells the other side, which may ask for something of this guest meanwhile.
        const auto left = std::move(streams.downloads[event.channel]);
      }
      return;
    case engine::StreamEvent::Kind::wanted:
      if (event.channel < streams.downloads.size() && streams.downloads[event.channel]) {
        streams.downloads[event.channel]->pull();
      }
      return;
    case engine::StreamEvent::Kind::dropped: {
      const auto dropped = std::move(found->second);
      by_token_.erase(found);
      for (const auto& upload : dropped->uploads) {
        if (upload) {
          upload->leave();  // close() does not find it any more
        }
      }
      return;
    }
  }
}

void GuestStreams::close() noexcept {
  const auto all = std::exchange(by_token_, {});
  for (const auto& [token, streams] : all) {
    for (const auto& upload : streams->uploads) {
      if (upload) {
        upload->leave();
      }
    }
  }
}

}  // namespace weft::guest
