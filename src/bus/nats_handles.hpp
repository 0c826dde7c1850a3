// SPDX-License-Identifier: Apache-2.0
/// The handles and values of nats.c as values of ours. For the nats_*.cpp files only: nothing of nats.c shows
/// elsewhere. Threads: any.
#pragma once

#include <nats/nats.h>

#include <cstddef>
#include <string>
#include <weft/result.hpp>

#include "base/unique_handle.hpp"
#include "bus/message.hpp"

namespace weft::bus {

class NatsBin;

using OptionsHandle = base::UniqueHandle<natsOptions, &natsOptions_Destroy>;
using MessageHandle = base::UniqueHandle<natsMsg, &natsMsg_Destroy>;

/// The Error for a status: what was being done, and what nats.c says. `doing` reads "connect to nats://...".
Error to_error(natsStatus status, std::string doing);

/// A copy with all headers (nats_headers.hpp). Before any natsMsgHeader_ function, which changes the message.
Message to_message(natsMsg* message);
/// What a received message takes, in bytes: subject, headers and payload.
std::size_t size_of(natsMsg* message) noexcept;
/// A copy. Errors: invalid_argument for a header that would break the message's lines, resource_exhausted above 2 GiB.
Result<MessageHandle> to_nats(const Message& message);
/// Hands the message to the connection, and `bin` what had to be made for that: nothing if there are no headers. Gives
/// what nats.c says. Errors: to_nats()'s.
Result<natsStatus> publish(natsConnection* connection, const Message& message, NatsBin& bin);

/// A name nobody else has, of 22 letters and digits.
Result<std::string> make_unique_name();

}  // namespace weft::bus
