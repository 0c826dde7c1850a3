// SPDX-License-Identifier: Apache-2.0
/// Writes the head of an HTTP/1.1 request as bytes, and refuses what would not be one. Pure. Chunks and trailers are
/// those of response_writer.hpp. Source: RFC 9112 sections 3.2 and 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "web/exchange.hpp"

namespace weft::web {

/// How the end of a request's body is told.
enum class RequestFraming : std::uint8_t { none, length, chunked };

struct RequestPlan {
  bool valid = false;
  HttpFault fault = HttpFault::http_protocol_error;  ///< if not valid
  std::string_view reason;                           ///< a literal
  RequestFraming framing = RequestFraming::none;
  std::uint64_t length = 0;
};

/// Appends the head to `out` if it is valid. Header fields of the connection are left out; Host and User-Agent are
/// added where they are missing.
[[nodiscard]] RequestPlan append_request_head(std::string& out, const RequestHead& head, std::string_view user_agent);

}  // namespace weft::web
