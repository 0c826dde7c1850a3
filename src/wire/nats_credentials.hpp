// SPDX-License-Identifier: Apache-2.0
/// A credentials file of NATS: a user's token and seed between lines of dashes, with text for people around them.
/// Threads: pure function. Errors: malformed (one of them is not there); no message holds a part of the file.
/// Source: nats.io, "User credentials"; the file that `nsc generate creds` writes.
#pragma once

#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::wire {

struct NatsCredentials {
  std::string jwt;
  std::string seed;
};

Result<NatsCredentials> read_nats_credentials(std::string_view text);

}  // namespace weft::wire
