// SPDX-License-Identifier: Apache-2.0
/// Streams and futures of a call on their way over the lattice: ChannelSender publishes what a Channel gives, and
/// ChannelInbox is a Channel of what has come. Plain machines beside OutgoingCall and IncomingCall, which know the
/// subjects. HTTP's bodies do not go this way: an Exchange is pushed to, not read from.
///
/// Between weft hosts a stream has a window (window.hpp); with any other peer what a slow reader leaves is bounded
/// (backlog.hpp); where there is no room that stream alone is broken. Ownership: a sender by its call; an inbox is
/// shared by its call and the Channel that was given out. Threads: their shard. Source: data-plane
/// facts 1.8, 1.14, 2.6; docs/protocol/wrpc.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/channel.hpp"
#include "wrpc/backlog.hpp"
#include "wrpc/outgoing_call.hpp"
#include "wrpc/window.hpp"

namespace weft::wrpc {

/// The call that a stream belongs to. Any of them may destroy the stream that calls it.
class StreamOwner {
 public:
  virtual Result<void> send_piece(std::string_view path, std::string_view piece) = 0;
  virtual Result<void> finish_path(std::string_view path) = 0;
  /// Everything was sent, or nothing more can be.
  virtual void on_sent(std::string_view path) = 0;
  /// What is to be said of a stream that is received.
  virtual void on_read(const Taken& taken) = 0;
  /// It waits for the other side, for a piece or for the word that more may be sent, or not any more: in turns.
  virtual void on_waiting(bool waits) = 0;
  /// Its reader has everything, or wants nothing more.
  virtual void on_inbox_closed() = 0;

 protected:
  ~StreamOwner() = default;
};

class ChannelSender final : private dispatch::ChannelReader {
 public:
  /// `has_window`: the other side says what it has taken.
  ChannelSender(StreamOwner& owner, std::string path, std::unique_ptr<dispatch::Channel> channel, bool has_window)
      : owner_(owner), path_(std::move(path)), channel_(std::move(channel)), window_(has_window) {}
  virtual ~ChannelSender() = default;
  ChannelSender(const ChannelSender&) = delete;
  ChannelSender& operator=(const ChannelSender&) = delete;

  void start() { pull(); }
  /// As the other side says.
  void acknowledge(const Taken& taken);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool is_done() const noexcept { return channel_ == nullptr; }

 private:
  void on_piece(std::span<const std::byte> piece) override;
  void on_end() override;
  void on_broken(Error error) override;
  void pull();
  void set_waiting(bool waits);
  void end(std::string_view last);

  StreamOwner& owner_;
  std::string path_;
  std::unique_ptr<dispatch::Channel> channel_;  ///< null: it is done
  SendWindow window_;
  bool is_reading_ = false;
  bool is_waiting_ = false;  ///< for the window
};

class ChannelInbox final {
 public:
  /// `owner` is told until leave().
  ChannelInbox(StreamOwner& owner, std::string path, std::shared_ptr<BacklogRoom> room)
      : owner_(&owner), path_(std::move(path)), ready_(std::move(room)) {}
  ChannelInbox(const ChannelInbox&) = delete;
  ChannelInbox& operator=(const ChannelInbox&) = delete;
  ~ChannelInbox() = default;

  /// To be given out, once.
  static std::unique_ptr<dispatch::Channel> channel(const std::shared_ptr<ChannelInbox>& self);

  /// A message of the channel; empty: its end.
  void receive(std::string_view message);
  /// Nothing more comes.
  void break_off(Error error);
  /// The owner goes.
  void leave() noexcept { owner_ = nullptr; }
  /// Something may still come.
  [[nodiscard]] bool is_open() const noexcept { return !has_ended_ && !broken_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }

 private:
  class Reading;
  void read(dispatch::ChannelReader& reader);
  void drop();
  void tell();
  void set_waiting(bool waits);
  void close();

  StreamOwner* owner_;
  std::string path_;
  Backlog ready_;
  std::uint64_t taken_ = 0;
  TakenCount told_;
  dispatch::ChannelReader* reader_ = nullptr;  ///< waits
  bool is_waiting_ = false;                    ///< as the owner knows it
  bool has_ended_ = false;
  bool is_closed_ = false;  ///< nobody reads any more
  std::optional<Error> broken_;
};

}  // namespace weft::wrpc
