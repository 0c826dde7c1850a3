// SPDX-License-Identifier: Apache-2.0
/// Why a request got no answer, or not a whole one: the cases of wasi:http's error-code, which is what guests are told
/// and what travels between hosts. The numbers are the indices on the wire. Pure.
/// Source: wasi:http@0.2 types, `variant error-code`; data-plane facts 3.3.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::web {

enum class HttpFault : std::uint8_t {
  dns_timeout = 0,
  dns_error = 1,
  destination_not_found = 2,
  destination_unavailable = 3,
  destination_ip_prohibited = 4,
  destination_ip_unroutable = 5,
  connection_refused = 6,
  connection_terminated = 7,
  connection_timeout = 8,
  connection_read_timeout = 9,
  connection_write_timeout = 10,
  connection_limit_reached = 11,
  tls_protocol_error = 12,
  tls_certificate_error = 13,
  tls_alert_received = 14,
  http_request_denied = 15,
  http_request_length_required = 16,
  http_request_body_size = 17,
  http_request_method_invalid = 18,
  http_request_uri_invalid = 19,
  http_request_uri_too_long = 20,
  http_request_header_section_size = 21,
  http_request_header_size = 22,
  http_request_trailer_section_size = 23,
  http_request_trailer_size = 24,
  http_response_incomplete = 25,
  http_response_header_section_size = 26,
  http_response_header_size = 27,
  http_response_body_size = 28,
  http_response_trailer_section_size = 29,
  http_response_trailer_size = 30,
  http_response_transfer_coding = 31,
  http_response_content_coding = 32,
  http_response_timeout = 33,
  http_upgrade_failed = 34,
  http_protocol_error = 35,
  loop_detected = 36,
  configuration_error = 37,
  internal_error = 38,
};
inline constexpr unsigned kHttpFaults = 39;

/// The case's own name: "connection-refused".
[[nodiscard]] std::string_view to_string(HttpFault fault) noexcept;
/// What a server answers whose request failed so: 504 for what took too long, 502 for what failed behind it, 4xx for
/// what is wrong with the request itself.
[[nodiscard]] unsigned to_status(HttpFault fault) noexcept;

}  // namespace weft::web
