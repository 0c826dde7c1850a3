// SPDX-License-Identifier: Apache-2.0
/// A stream or future among the parameters or results of a call: it travels beside the values, on a channel of its own,
/// as the bytes that such a channel has on the wire. Whoever has a Channel pulls: nothing is produced that nobody asks
/// for, so a slow reader slows the writer down, through every target in between.
///
/// Ownership: of a parameter's channel by the target that is called, of a result's by the caller; it may outlive the
/// call. Destroying it tells the other side that nobody reads any more. Threads: the call's shard.
/// Source of the encoding: data-plane facts 1.9 (paths), 2.6.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weft/result.hpp>

namespace weft::dispatch {

/// Told what a read came to: exactly one of the three for each. It may read again, or destroy the channel.
class ChannelReader {
 public:
  /// Some bytes, at least one, cut anywhere; valid until this returns.
  virtual void on_piece(std::span<const std::byte> piece) = 0;
  /// Nothing follows. Whether the stream is whole, its bytes say.
  virtual void on_end() = 0;
  /// What has come is not all, and nothing follows.
  virtual void on_broken(Error error) = 0;

 protected:
  ~ChannelReader() = default;
};

class Channel {
 public:
  virtual ~Channel() = default;
  /// One at a time; `reader` is told now or later. A channel gives at once all that it has, so that reading again from
  /// inside of on_piece() is soon at an end.
  virtual void read(ChannelReader& reader) = 0;
  /// It gives one value, and not what may end anywhere.
  [[nodiscard]] virtual bool is_future() const noexcept { return false; }
};

struct NamedChannel {
  std::string path;  ///< as below .params or .results: "1", "0.1"
  std::unique_ptr<Channel> channel;
};
using Channels = std::vector<NamedChannel>;

}  // namespace weft::dispatch
