// SPDX-License-Identifier: Apache-2.0
#include "wrpc/http_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <weft/value_reader.hpp>
#include <weft/value_writer.hpp>

namespace weft::wrpc {
namespace {

using web::HttpFault;

constexpr std::array<std::string_view, 9> kMethods{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                   "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr std::array<std::string_view, 2> kSchemes{"http", "https"};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string text_of(const ValueWriter& writer) { return text_of(writer.bytes()); }

void write_option(ValueWriter& out, bool is_some) { out.write_bool(is_some); }

void write_some_text(ValueWriter& out, std::string_view text) {
  write_option(out, true);
  out.write_string(text);
}

template <std::size_t Count>
void write_named(ValueWriter& out, const std::array<std::string_view, Count>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  out.write_integer(static_cast<std::uint32_t>(found - names.begin()));
  if (found == names.end()) {
    out.write_string(name);
  }
}

/// One entry for each name, with all of its values: a second entry is an error to readers.
template <class Header>
void write_fields(ValueWriter& out, std::span<const Header> headers) {
  const auto is_first = [&headers](std::size_t index) {
    return std::ranges::none_of(headers.first(index),
                                [&](const Header& other) { return other.name == headers[index].name; });
  };
  std::size_t names = 0;
  for (std::size_t index = 0; index < headers.size(); ++index) {
    names += is_first(index) ? 1 : 0;
  }
  out.write_count(names);
  for (std::size_t index = 0; index < headers.size(); ++index) {
    if (!is_first(index)) {
      continue;
    }
    const std::string_view name = headers[index].name;
    out.write_string(name);
    const auto is_same = [name](const Header& header) { return header.name == name; };
    out.write_count(static_cast<std::size_t>(std::ranges::count_if(headers, is_same)));
    for (const auto& header : headers) {
      if (is_same(header)) {
        out.write_bytes(std::as_bytes(std::span(std::string_view(header.value))));
      }
    }
  }
}

void write_duration(ValueWriter& out, const std::optional<std::chrono::nanoseconds>& duration) {
  write_option(out, duration.has_value());
  if (duration) {
    out.write_integer(static_cast<std::uint64_t>(std::max<std::int64_t>(duration->count(), 0)));
  }
}

bool read_count(ValueReader& in, std::uint32_t& count) { return in.read_integer(count); }

bool read_text(ValueReader& in, std::string& out) {
  std::string_view text;
  if (!in.read_string(text) || !in.charge(text.size())) {
    return false;
  }
  out = text;
  return true;
}

bool read_optional_text(ValueReader& in, std::string& out) {
  bool is_some = false;
  return in.read_option(is_some) && (!is_some || read_text(in, out));
}

template <std::size_t Count>
bool read_named(ValueReader& in, const std::array<std::string_view, Count>& names, std::string& out) {
  std::uint32_t number = 0;
  if (!in.read_case(Count + 1, number)) {
    return false;
  }
  if (number == Count) {
    return read_text(in, out);
  }
  out = names[number];
  return true;
}

bool read_fields(ValueReader& in, Headers& out) {
  std::uint32_t names = 0;
  if (!read_count(in, names)) {
    return false;
  }
  for (std::uint32_t index = 0; index < names; ++index) {
    std::string name;
    std::uint32_t values = 0;
    if (!read_text(in, name) || !read_count(in, values)) {
      return false;
    }
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (std::uint32_t number = 0; number < values; ++number) {
      std::span<const std::byte> value;
      if (!in.read_bytes(value) || !in.charge(value.size() + name.size() + sizeof(web::Header))) {
        return false;
      }
      out.push_back({name, text_of(value)});
    }
  }
  return true;
}

/// A stream<u8>: whole, or pending.
bool read_body(ValueReader& in, std::optional<std::string>& out) {
  std::span<const std::byte> bytes;
  if (!in.read_bytes(bytes) || !in.charge(bytes.size())) {
    return false;
  }
  if (!bytes.empty()) {
    out = text_of(bytes);
  }
  return true;
}

bool read_optional_fields(ValueReader& in, Headers& out) {
  bool is_some = false;
  return in.read_option(is_some) && (!is_some || read_fields(in, out));
}

/// A future<option<fields>>: resolved, or pending.
bool read_trailers(ValueReader& in, std::optional<Headers>& out) {
  bool is_resolved = false;
  if (!in.read_option(is_resolved)) {
    return false;
  }
  return !is_resolved || read_optional_fields(in, out.emplace());
}

bool read_duration(ValueReader& in, std::optional<std::chrono::nanoseconds>& out) {
  bool is_some = false;
  std::uint64_t nanoseconds = 0;
  if (!in.read_option(is_some) || (is_some && !in.read_integer(nanoseconds))) {
    return false;
  }
  if (is_some) {
    out = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(nanoseconds, INT64_MAX)));
  }
  return true;
}

bool read_timeouts(ValueReader& in, web::RequestTimeouts& out) {
  bool is_some = false;
  return in.read_option(is_some) && (!is_some || (read_duration(in, out.connect) && read_duration(in, out.first_byte) &&
                                                  read_duration(in, out.between_bytes)));
}

/// What the cases of error-code carry.
enum class Payload : std::uint8_t { none, text, number, field, optional_field, dns, alert };

Payload payload_of(HttpFault fault) {
  switch (fault) {
    case HttpFault::dns_error:
      return Payload::dns;
    case HttpFault::tls_alert_received:
      return Payload::alert;
    case HttpFault::http_request_body_size:
    case HttpFault::http_request_header_section_size:
    case HttpFault::http_request_trailer_section_size:
    case HttpFault::http_response_header_section_size:
    case HttpFault::http_response_body_size:
    case HttpFault::http_response_trailer_section_size:
      return Payload::number;
    case HttpFault::http_request_header_size:
      return Payload::optional_field;
    case HttpFault::http_request_trailer_size:
    case HttpFault::http_response_header_size:
    case HttpFault::http_response_trailer_size:
      return Payload::field;
    case HttpFault::http_response_transfer_coding:
    case HttpFault::http_response_content_coding:
    case HttpFault::internal_error:
      return Payload::text;
    case HttpFault::dns_timeout:
    case HttpFault::destination_not_found:
    case HttpFault::destination_unavailable:
    case HttpFault::destination_ip_prohibited:
    case HttpFault::destination_ip_unroutable:
    case HttpFault::connection_refused:
    case HttpFault::connection_terminated:
    case HttpFault::connection_timeout:
    case HttpFault::connection_read_timeout:
    case HttpFault::connection_write_timeout:
    case HttpFault::connection_limit_reached:
    case HttpFault::tls_protocol_error:
    case HttpFault::tls_certificate_error:
    case HttpFault::http_request_denied:
    case HttpFault::http_request_length_required:
    case HttpFault::http_request_method_invalid:
    case HttpFault::http_request_uri_invalid:
    case HttpFault::http_request_uri_too_long:
    case HttpFault::http_response_incomplete:
    case HttpFault::http_response_timeout:
    case HttpFault::http_upgrade_failed:
    case HttpFault::http_protocol_error:
    case HttpFault::loop_detected:
    case HttpFault::configuration_error:
      return Payload::none;
  }
  return Payload::none;
}

/// Every number is an unsigned LEB128 but u8, which is a byte.
bool skip_optional_number(ValueReader& in) {
  bool is_some = false;
  std::uint64_t number = 0;
  return in.read_option(is_some) && (!is_some || in.read_integer(number));
}

bool read_payload(ValueReader& in, Payload payload, std::string& reason) {
  bool is_some = false;
  std::uint8_t byte = 0;
  switch (payload) {
    case Payload::none:
      return true;
    case Payload::text:
      return read_optional_text(in, reason);
    case Payload::number:
      return skip_optional_number(in);
    case Payload::optional_field:
      return in.read_option(is_some) && (!is_some || read_payload(in, Payload::field, reason));
    case Payload::field:
    case Payload::dns:
      return read_optional_text(in, reason) && skip_optional_number(in);
    case Payload::alert:
      return in.read_option(is_some) && (!is_some || in.read_integer(byte)) && read_optional_text(in, reason);
  }
  return false;
}

void write_payload(ValueWriter& out, Payload payload, std::string_view reason) {
  const auto write_reason = [&] {
    if (reason.empty()) {
      write_option(out, false);
    } else {
      write_some_text(out, reason);
    }
  };
  switch (payload) {
    case Payload::none:
      return;
    case Payload::text:
      return write_reason();
    case Payload::number:
    case Payload::optional_field:
      return write_option(out, false);
    case Payload::field:
    case Payload::dns:
      write_reason();
      return write_option(out, false);
    case Payload::alert:
      write_option(out, false);
      return write_reason();
  }
}

}  // namespace

std::string encode_request(const web::RequestHead& head, bool is_outgoing) {
  ValueWriter out;
  write_option(out, false);  // the body is pending: an empty list
  write_option(out, false);  // and so are the trailers
  write_named(out, kMethods, head.method);
  write_some_text(out, head.path_and_query);
  write_option(out, !head.scheme.empty());
  if (!head.scheme.empty()) {
    write_named(out, kSchemes, head.scheme);
  }
  write_option(out, !head.authority.empty());
  if (!head.authority.empty()) {
    out.write_string(head.authority);
  }
  write_fields(out, std::span<const web::HeaderView>(head.headers));
  if (is_outgoing) {
    write_option(out, true);
    write_duration(out, head.timeouts.connect);
    write_duration(out, head.timeouts.first_byte);
    write_duration(out, head.timeouts.between_bytes);
  }
  return text_of(out);
}

Result<HttpRequestValue> decode_request(std::span<const std::byte> params, bool is_outgoing) {
  ValueReader in(params);
  HttpRequestValue request;
  bool has_scheme = false;
  const bool read = read_body(in, request.body) && read_trailers(in, request.trailers) &&
                    read_named(in, kMethods, request.method) && read_optional_text(in, request.path_and_query) &&
                    in.read_option(has_scheme) && (!has_scheme || read_named(in, kSchemes, request.scheme)) &&
                    read_optional_text(in, request.authority) && read_fields(in, request.headers) &&
                    (!is_outgoing || read_timeouts(in, request.timeouts));
  if (!read) {
    return in.error();
  }
  return request;
}

std::string encode_response(const web::ResponseHead& head, std::optional<std::string_view> whole_body) {
  ValueWriter out;
  out.write_integer(std::uint32_t{0});  // ok
  const auto body = whole_body.value_or(std::string_view());
  out.write_bytes(std::as_bytes(std::span(body)));
  if (whole_body) {
    write_option(out, true);  // resolved: there are none
  }
  write_option(out, false);
  out.write_integer(static_cast<std::uint16_t>(head.status));
  write_fields(out, std::span<const web::Header>(head.headers));
  return text_of(out);
}

std::string encode_fault(web::HttpFault fault, std::string_view reason) {
  ValueWriter out;
  out.write_integer(std::uint32_t{1});  // err
  out.write_integer(static_cast<std::uint32_t>(fault));
  write_payload(out, payload_of(fault), reason);
  return text_of(out);
}

Result<std::variant<HttpResponseValue, HttpFaultValue>> decode_response(std::span<const std::byte> results) {
  ValueReader in(results);
  std::uint32_t number = 0;
  if (!in.read_case(2, number)) {
    return in.error();
  }
  if (number == 1) {
    HttpFaultValue value;
    if (!in.read_case(web::kHttpFaults, number)) {
      return in.error();
    }
    value.fault = static_cast<HttpFault>(number);
    if (!read_payload(in, payload_of(value.fault), value.reason)) {
      return in.error();
    }
    return std::variant<HttpResponseValue, HttpFaultValue>(std::move(value));
  }
  HttpResponseValue response;
  if (!read_body(in, response.body) || !read_trailers(in, response.trailers) || !in.read_integer(response.status) ||
      !read_fields(in, response.headers)) {
    return in.error();
  }
  return std::variant<HttpResponseValue, HttpFaultValue>(std::move(response));
}

namespace {

template <class Header>
std::string encode_some_trailers(std::span<const Header> trailers) {
  ValueWriter out;
  write_option(out, !trailers.empty());
  if (!trailers.empty()) {
    write_fields(out, trailers);
  }
  return text_of(out);
}

}  // namespace

std::string encode_trailers(std::span<const web::Header> trailers) { return encode_some_trailers(trailers); }
std::string encode_trailers(std::span<const web::HeaderView> trailers) { return encode_some_trailers(trailers); }

Result<Headers> decode_trailers(std::span<const std::byte> bytes) {
  ValueReader in(bytes);
  Headers trailers;
  if (!read_optional_fields(in, trailers)) {
    return in.error();
  }
  return trailers;
}

}  // namespace weft::wrpc
