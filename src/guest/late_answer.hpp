// SPDX-License-Identifier: Apache-2.0
/// The call of a function that takes a stream and answers when it has all of it (write-container-data of
/// wrpc:blobstore 0.1.0), for a guest that writes nothing before it is answered: each would wait for the other. So the
/// guest is answered with ok(a future) as soon as whoever is called begins to read the stream, which shows that the
/// call has arrived, and the future is what the call then comes to. What it comes to before that is the answer.
///
/// Ownership: shared by the PendingCall that hold() gives, the stream and the future; the call ends with the first of
/// the first and the last to go. Threads: the call's shard. Errors of the call are error(text) of the future.
/// Source: data-plane facts 3.9, 3.11; docs/protocol/wrpc.md.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "dispatch/target.hpp"

namespace weft::guest {

class LateAnswer final : public std::enable_shared_from_this<LateAnswer>, private dispatch::CallHandler {
 public:
  /// `guest` is told once: on_streamed_results() with the future under `path`, or what the call came to before.
  LateAnswer(dispatch::CallHandler& guest, std::string_view path) : guest_(&guest), path_(path) {}
  LateAnswer(const LateAnswer&) = delete;
  LateAnswer& operator=(const LateAnswer&) = delete;
  ~LateAnswer() = default;

  /// The stream, to be called with.
  std::unique_ptr<dispatch::Channel> watch(std::unique_ptr<dispatch::Channel> stream);
  /// To be called with.
  [[nodiscard]] dispatch::CallHandler& handler() noexcept { return *this; }
  /// The call that was begun so. What it gives cancels it while the guest has not been told.
  std::unique_ptr<dispatch::PendingCall> hold(std::unique_ptr<dispatch::PendingCall> call);

 private:
  class Stream;
  class Future;
  class Handle;

  void on_results(std::span<const std::byte> results) override;
  void on_error(Error error) override;
  void on_not_served(Error error) override;

  void on_taken();
  void resolve(std::vector<std::byte> outcome);
  void read(dispatch::ChannelReader& reader);
  void tell(dispatch::ChannelReader& reader);

  dispatch::CallHandler* guest_;  ///< null: has been told, or has gone
  std::string_view path_;
  std::unique_ptr<dispatch::PendingCall> call_;
  bool is_over_ = false;                       ///< nobody wants to know any more, or knows
  std::vector<std::byte> outcome_;             ///< result<_, string>; empty: not known yet
  bool is_told_ = false;                       ///< the outcome
  dispatch::ChannelReader* reader_ = nullptr;  ///< waits for it
};

}  // namespace weft::guest
