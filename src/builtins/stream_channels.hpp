// SPDX-License-Identifier: Apache-2.0
/// The streams of a built-in's functions (weft/stream.hpp), which any thread may use, as channels of a call, which
/// belong to its shard; and the other way round.
/// Ownership: each end owns what it stands on. Threads: a Channel on its shard; a ChannelIn on any.
#pragma once

#include <memory>
#include <vector>
#include <weft/stream.hpp>

#include "async/shard.hpp"
#include "dispatch/channel.hpp"

namespace weft::builtins {

/// What a provider reads; takes the channels over, and lets go of them on their shard.
std::vector<detail::NamedChannelIn> to_provider(async::Shard& shard, dispatch::Channels channels);
/// What a provider writes.
dispatch::Channels from_provider(const std::shared_ptr<boost::asio::io_context>& io,
                                 std::vector<detail::NamedChannelOut> channels);

}  // namespace weft::builtins
