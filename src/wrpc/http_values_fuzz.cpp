// SPDX-License-Identifier: Apache-2.0
// Any bytes as the values of wrpc:http. Oracle: what decodes is encoded and decoded to the same, and from then on to
// the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wrpc/http_values.hpp"

namespace {

using namespace weft;
using namespace weft::wrpc;

void require(bool condition) {
  if (!condition) std::abort();
}

std::span<const std::byte> view(std::string_view text) { return std::as_bytes(std::span(text)); }

/// As fields are grouped: by name, in order of the first.
std::string grouped(const Headers& headers) { return encode_trailers(std::span<const web::Header>(headers)); }

std::string encode(const HttpRequestValue& value, bool is_outgoing) {
  web::RequestHead head;
  head.method = value.method;
  head.scheme = value.scheme;
  head.authority = value.authority;
  head.path_and_query = value.path_and_query;
  head.timeouts = value.timeouts;
  for (const auto& [name, text] : value.headers) {
    head.headers.push_back({.name = name, .value = text});
  }
  return encode_request(head, is_outgoing);
}

void try_request(std::span<const std::byte> bytes, bool is_outgoing) {
  const auto first = decode_request(bytes, is_outgoing);
  if (!first) {
    return;
  }
  const auto encoded = encode(*first, is_outgoing);
  const auto second = decode_request(view(encoded), is_outgoing);
  require(second.has_value());
  require(second->method == first->method && second->scheme == first->scheme && second->authority == first->authority &&
          second->path_and_query == first->path_and_query && grouped(second->headers) == grouped(first->headers) &&
          !second->body && !second->trailers && second->timeouts.connect == first->timeouts.connect &&
          second->timeouts.first_byte == first->timeouts.first_byte &&
          second->timeouts.between_bytes == first->timeouts.between_bytes);
  require(encode(*second, is_outgoing) == encoded);
}

void try_response(std::span<const std::byte> bytes) {
  const auto decoded = decode_response(bytes);
  if (!decoded) {
    return;
  }
  if (const auto* const fault = std::get_if<HttpFaultValue>(&*decoded)) {
    const auto encoded = encode_fault(fault->fault, fault->reason);
    const auto again = decode_response(view(encoded));
    require(again.has_value());
    const auto& value = std::get<HttpFaultValue>(*again);
    require(value.fault == fault->fault && (value.reason == fault->reason || value.reason.empty()));
    return;
  }
  const auto& first = std::get<HttpResponseValue>(*decoded);
  for (const bool is_whole : {false, true}) {
    const std::string body = first.body.value_or("");
    const auto encoded = encode_response({.status = first.status, .headers = first.headers},
                                         is_whole ? std::optional<std::string_view>(body) : std::nullopt);
    const auto again = decode_response(view(encoded));
    require(again.has_value());
    const auto& second = std::get<HttpResponseValue>(*again);
    require(second.status == first.status && grouped(second.headers) == grouped(first.headers));
    require(second.body.value_or("") == (is_whole ? body : "") && second.trailers.has_value() == is_whole);
  }
}

void try_trailers(std::span<const std::byte> bytes) {
  if (const auto first = decode_trailers(bytes)) {
    const auto encoded = grouped(*first);
    const auto second = decode_trailers(view(encoded));
    require(second.has_value() && grouped(*second) == encoded && second->size() == first->size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try_request(bytes, false);
  try_request(bytes, true);
  try_response(bytes);
  try_trailers(bytes);
  return 0;
}
