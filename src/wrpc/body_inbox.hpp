// SPDX-License-Identifier: Apache-2.0
/// The body and trailers of one message on their way in: what has come of the two channels and was not taken yet.
/// A plain machine. A peer that is no weft host heeds no window (window.hpp), so what a slow reader leaves here is
/// bounded (backlog.hpp): where there is no room this message alone is broken. Threads: its shard.
/// Source: data-plane facts 1.8, 1.14, 2.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "wire/byte_stream.hpp"
#include "wrpc/backlog.hpp"
#include "wrpc/http_values.hpp"
#include "wrpc/window.hpp"

namespace weft::wrpc {

class BodyInbox {
 public:
  explicit BodyInbox(std::shared_ptr<BacklogRoom> room) : ready_(std::move(room)) {}

  /// It came with the message itself.
  void set_whole(std::string body);
  void set_trailers(Headers trailers);
  /// A message of the body's channel; empty: its end.
  void receive(std::string_view message);
  /// A message of the trailers' channel; empty: its end.
  void receive_trailers(std::string_view message);

  /// What has come of the body and was not taken; empty: nothing now.
  [[nodiscard]] std::string take();
  /// What is to be said of the body's channel after take(), if anything.
  [[nodiscard]] std::optional<std::uint64_t> news() noexcept { return told_.update(taken_); }
  [[nodiscard]] std::size_t buffered() const noexcept { return ready_.size(); }
  /// All of it has been taken, and the trailers are there.
  [[nodiscard]] bool is_whole() const noexcept { return body_ended_ && ready_.empty() && trailers_.has_value(); }
  /// Nothing right comes after what can still be taken.
  [[nodiscard]] bool is_broken() const noexcept { return error_.has_value() && ready_.empty(); }
  [[nodiscard]] const Error& error() const noexcept { return *error_; }
  [[nodiscard]] const Headers& trailers() const noexcept { return *trailers_; }

 private:
  void break_off(Errc code, std::string_view what);

  wire::ByteStreamDecoder decoder_;
  Backlog ready_;
  std::uint64_t received_ = 0;  ///< of the channel, in bytes
  std::uint64_t taken_ = 0;     ///< of those
  TakenCount told_;
  std::string trailer_bytes_;
  std::size_t next_look_ = 0;  ///< at trailer_bytes_, when there are so many
  bool body_ended_ = false;
  std::optional<Headers> trailers_;
  std::optional<Error> error_;
};

}  // namespace weft::wrpc
