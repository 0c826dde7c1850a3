// SPDX-License-Identifier: Apache-2.0
#include "wrpc/streams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "wire/byte_stream.hpp"

namespace weft::wrpc {

void ChannelSender::acknowledge(const Taken& taken) {
  if (taken.bytes) {
    window_.acknowledge(*taken.bytes);
    return pull();
  }
  if (channel_ != nullptr) {
    channel_.reset();
    set_waiting(false);
    owner_.on_sent(path_);
  }
}

void ChannelSender::pull() {
  if (channel_ == nullptr || is_reading_) {
    return;
  }
  set_waiting(!window_.is_open());
  if (!is_waiting_) {
    is_reading_ = true;
    channel_->read(*this);
  }
}

void ChannelSender::set_waiting(bool waits) {
  if (std::exchange(is_waiting_, waits) != waits) {
    owner_.on_waiting(waits);
  }
}

void ChannelSender::on_piece(std::span<const std::byte> piece) {
  is_reading_ = false;
  window_.send(piece.size());
  if (!owner_.send_piece(path_, {reinterpret_cast<const char*>(piece.data()), piece.size()})) {
    channel_.reset();
    return owner_.on_sent(path_);
  }
  pull();
}

void ChannelSender::on_end() { end({}); }

/// No reader may take what it has for everything. The end of a future without a value says so by itself, and a byte
/// before it could be one. What a channel gives is whole chunks, so that this one is not taken for a byte of theirs.
void ChannelSender::on_broken(Error /*error*/) { end(channel_->is_future() ? std::string_view() : wire::kBrokenChunk); }

void ChannelSender::end(std::string_view last) {
  channel_.reset();
  if (!last.empty()) {
    (void)owner_.send_piece(path_, last);
  }
  // Who cannot be told has lost the connection, and knows.
  (void)owner_.finish_path(path_);
  owner_.on_sent(path_);
}

class ChannelInbox::Reading final : public dispatch::Channel {
 public:
  explicit Reading(std::shared_ptr<ChannelInbox> inbox) : inbox_(std::move(inbox)) {}
  ~Reading() override { inbox_->drop(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  void read(dispatch::ChannelReader& reader) override {
    const auto inbox = inbox_;
    inbox->read(reader);
  }

 private:
  std::shared_ptr<ChannelInbox> inbox_;
};

std::unique_ptr<dispatch::Channel> ChannelInbox::channel(const std::shared_ptr<ChannelInbox>& self) {
  return std::make_unique<Reading>(self);
}

void ChannelInbox::receive(std::string_view message) {
  if (has_ended_ || broken_ || is_closed_) {
    return;
  }
  if (message.empty()) {
    has_ended_ = true;
  } else if (!ready_.add(message)) {
    broken_ = ready_.refusal("a stream");
  }
  tell();
}

void ChannelInbox::break_off(Error error) {
  if (!has_ended_ && !broken_) {
    broken_ = std::move(error);
    tell();
  }
}

void ChannelInbox::read(dispatch::ChannelReader& reader) {
  reader_ = &reader;
  tell();
}

/// What there is, to whoever waits; nothing of this is touched after that.
void ChannelInbox::tell() {
  if (reader_ == nullptr) {
    return;
  }
  if (ready_.empty() && !has_ended_ && !broken_) {
    return set_waiting(true);
  }
  auto& reader = *std::exchange(reader_, nullptr);
  set_waiting(false);
  if (!ready_.empty()) {
    const auto piece = ready_.take();
    taken_ += piece.size();
    if (const auto taken = told_.update(taken_); taken && owner_ != nullptr) {
      owner_->on_read({.path = path_, .bytes = taken});
    }
    return reader.on_piece(std::as_bytes(std::span(piece)));
  }
  if (broken_) {
    auto error = *broken_;
    close();
    return reader.on_broken(std::move(error));
  }
  close();
  reader.on_end();
}

void ChannelInbox::set_waiting(bool waits) {
  if (std::exchange(is_waiting_, waits) != waits && owner_ != nullptr) {
    owner_->on_waiting(waits);
  }
}

void ChannelInbox::drop() {
  reader_ = nullptr;
  set_waiting(false);
  ready_.clear();
  if (!is_closed_ && is_open() && owner_ != nullptr) {
    owner_->on_read({.path = path_, .bytes = std::nullopt});
  }
  close();
}

void ChannelInbox::close() {
  if (!std::exchange(is_closed_, true) && owner_ != nullptr) {
    owner_->on_inbox_closed();
  }
}

}  // namespace weft::wrpc
