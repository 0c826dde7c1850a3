// SPDX-License-Identifier: Apache-2.0
/// The streams and futures of a guest's calls: what the guest writes as Channels that the other side reads (beside the
/// parameters of its import calls and the results of its own), and what the other side gives as what the guest reads.
/// They go on when the call that began them has been answered, at the pace of whoever reads.
///
/// Ownership: by GuestImports, or by the call itself; borrows the engine's Call until close(). A Channel of a guest may
/// outlive both, and then breaks off. Threads: the call's shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "dispatch/channel.hpp"
#include "engine/call.hpp"

namespace weft::guest {

class GuestStreams {
 public:
  GuestStreams();
  ~GuestStreams();
  GuestStreams(const GuestStreams&) = delete;
  GuestStreams& operator=(const GuestStreams&) = delete;

  /// What the guest writes in the call `token`, in the order of `paths`; those that its values do not have are left
  /// out. Given again for the same call (which is asked of another), they stand for the ones before.
  dispatch::Channels uploads(engine::Call& call, std::uint64_t token, std::span<const std::string_view> paths);
  /// What the guest reads, in the order of `paths`. One that is missing breaks off.
  void take(engine::Call& call, std::uint64_t token, dispatch::Channels channels,
            std::span<const std::string_view> paths);
  void on_event(const engine::StreamEvent& event);
  /// The call goes.
  void close() noexcept;

 private:
  class Upload;
  struct UploadState;
  class Download;
  struct Streams;

  Streams& of(std::uint64_t token);
  std::unique_ptr<dispatch::Channel> upload(engine::Call& call, std::uint64_t token, std::uint32_t channel);

  std::map<std::uint64_t, std::unique_ptr<Streams>> by_token_;
};

}  // namespace weft::guest
