// SPDX-License-Identifier: Apache-2.0
/// What a client trusts, as OpenSSL wants it: made once, shared by the connections of all shards. TLS 1.2 or newer, the
/// peer's certificate is always verified. Threads: any, once made. Errors: not_found (a file that cannot be read),
/// malformed (a file without certificates).
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <weft/result.hpp>

#include "web/http_fault.hpp"

namespace boost::asio::ssl {
class context;  // NOLINT(readability-identifier-naming): Asio's
}

namespace weft::web {

struct TlsTrust {
  bool system_roots = true;      ///< the operating system's store
  std::string extra_roots_file;  ///< PEM; empty: none
};

// Shared: connections that are still closing hold it beyond the client's end.
using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

[[nodiscard]] Result<TlsContext> make_tls_context(const TlsTrust& trust);

/// What a failed handshake means. `code` is OpenSSL's, `verify_result` that of SSL_get_verify_result.
struct TlsFailure {
  HttpFault fault;
  std::string text;
};
[[nodiscard]] TlsFailure judge_handshake(unsigned long code, long verify_result);

}  // namespace weft::web
