// SPDX-License-Identifier: Apache-2.0
/// The handles and values of nats.c as values of ours. For the nats_*.cpp files only: nothing of nats.c shows
/// elsewhere. Threads: any.
#pragma once

#include <nats/nats.h>

#include <string>
#include <weft/result.hpp>

#include "base/unique_handle.hpp"
#include "bus/message.hpp"

namespace weft::bus {

using OptionsHandle = base::UniqueHandle<natsOptions, &natsOptions_Destroy>;
using MessageHandle = base::UniqueHandle<natsMsg, &natsMsg_Destroy>;

/// The Error for a status: what was being done, and what nats.c says. `doing` reads "connect to nats://...".
Error to_error(natsStatus status, std::string doing);

/// A copy with all headers (nats_headers.hpp). Before any natsMsgHeader_ function, which changes the message.
Message to_message(natsMsg* message);
/// Errors: invalid_argument for a header that would break the message's lines.
Result<MessageHandle> to_nats(const Message& message);

/// A name nobody else has, of 22 letters and digits.
Result<std::string> make_unique_name();

}  // namespace weft::bus
