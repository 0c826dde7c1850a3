// SPDX-License-Identifier: Apache-2.0
/// The values of wrpc:http@0.1.0: a request and a response without their bodies, which travel on channels of their own
/// ("0.0" the body, "0.1" the trailers, in both directions). Pure.
///
/// Decoders take what peers send inline as well: a stream that is whole, a future that is resolved. What HTTP itself
/// forbids (a header name that is no token) is left to whoever takes the request.
/// Errors: malformed, resource_exhausted. Source: data-plane facts 2.6, 3.3.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <weft/result.hpp>

#include "web/exchange.hpp"
#include "web/http_fault.hpp"

namespace weft::wrpc {

inline constexpr std::string_view kIncomingHandler = "wrpc:http/incoming-handler@0.1.0";
inline constexpr std::string_view kOutgoingHandler = "wrpc:http/outgoing-handler@0.1.0";
inline constexpr std::string_view kHandle = "handle";
inline constexpr std::string_view kBodyPath = "0.0";
inline constexpr std::string_view kTrailersPath = "0.1";
inline constexpr std::string_view kHttpPaths[] = {kBodyPath, kTrailersPath};

using Headers = std::vector<web::Header>;

struct HttpRequestValue {
  std::string method;  ///< "GET"
  std::string path_and_query;
  std::string scheme;  ///< "http", "https"; empty: none
  std::string authority;
  Headers headers;
  std::optional<std::string> body = {};  ///< all of it, if it came inline; else it is pending
  std::optional<Headers> trailers = {};  ///< the same
  web::RequestTimeouts timeouts = {};    ///< only from the outgoing-handler
};

struct HttpResponseValue {
  std::uint16_t status = 200;
  Headers headers;
  std::optional<std::string> body = {};
  std::optional<Headers> trailers = {};
};

struct HttpFaultValue {
  web::HttpFault fault = web::HttpFault::internal_error;
  std::string reason;  ///< what the case carries, as a sentence; may be empty
};

/// The parameters of `handle`, with the body and trailers pending; of the outgoing-handler with its options.
std::string encode_request(const web::RequestHead& head, bool is_outgoing);
Result<HttpRequestValue> decode_request(std::span<const std::byte> params, bool is_outgoing);

/// The result of `handle`. Without a body here it is pending.
std::string encode_response(const web::ResponseHead& head, std::optional<std::string_view> whole_body = {});
std::string encode_fault(web::HttpFault fault, std::string_view reason);
Result<std::variant<HttpResponseValue, HttpFaultValue>> decode_response(std::span<const std::byte> results);

/// What the trailers' channel holds: option<fields>.
std::string encode_trailers(std::span<const web::Header> trailers);
std::string encode_trailers(std::span<const web::HeaderView> trailers);
Result<Headers> decode_trailers(std::span<const std::byte> bytes);

}  // namespace weft::wrpc
