// SPDX-License-Identifier: Apache-2.0
#include "web/request_writer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "web/framing.hpp"

namespace weft::web {
namespace {

constexpr std::size_t kMaxTarget = std::size_t{64} * 1024;

RequestPlan refuse(HttpFault fault, std::string_view reason) noexcept {
  RequestPlan plan;
  plan.fault = fault;
  plan.reason = reason;
  return plan;
}

/// Of these a server expects to be told that there is no body.
bool means_a_body(std::string_view method) noexcept { return method == "POST" || method == "PUT" || method == "PATCH"; }

RequestPlan judge(const RequestHead& head) noexcept {
  if (!is_token(head.method) || head.method == "CONNECT")
    return refuse(HttpFault::http_request_method_invalid, "the method is not one that can be sent");
  if (!is_authority(head.authority)) return refuse(HttpFault::http_request_uri_invalid, "the authority is not valid");
  const auto path = head.path_and_query;
  if (path.size() > kMaxTarget) return refuse(HttpFault::http_request_uri_too_long, "the path is too long");
  if (!path.empty() && path != "*" && !path.starts_with('/') && !path.starts_with('?'))
    return refuse(HttpFault::http_request_uri_invalid, "the path is not valid");
  // Bytes above ASCII are common enough to be let through; no server splits lines at them.
  if (std::ranges::any_of(path, [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f || c == '#'; }))
    return refuse(HttpFault::http_request_uri_invalid, "the path holds a character that must be percent-encoded");
  RequestPlan plan;
  std::optional<std::uint64_t> length;
  for (const auto& [name, value] : head.headers) {
    if (!is_token(name) || !is_field_value(value))
      return refuse(HttpFault::http_protocol_error, "a header is not valid in HTTP");
    if (equals_ignoring_case(name, "content-length")) {
      const auto number = parse_length(value);
      if (!number || (length && *length != *number))
        return refuse(HttpFault::http_protocol_error, "the Content-Length is not one number");
      length = number;
    }
  }
  if (!head.has_body && length.value_or(0) > 0)
    return refuse(HttpFault::http_request_body_size, "a body was promised and there is none");
  plan.valid = true;
  if (length) {
    plan.framing = RequestFraming::length;
    plan.length = *length;
  } else if (head.has_body) {
    plan.framing = RequestFraming::chunked;
  } else if (means_a_body(head.method)) {
    plan.framing = RequestFraming::length;
  }
  return plan;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

RequestPlan append_request_head(std::string& out, const RequestHead& head, std::string_view user_agent) {
  const auto plan = judge(head);
  if (!plan.valid) return plan;
  out.append(head.method).append(" ");
  if (head.path_and_query.empty() || head.path_and_query.starts_with('?')) out.push_back('/');
  out.append(head.path_and_query).append(" HTTP/1.1\r\n");
  const auto has = [&head](std::string_view name) {
    return std::ranges::any_of(head.headers, [name](const auto& it) { return equals_ignoring_case(it.name, name); });
  };
  // The first, because servers decide by it, and alone, because two are an attack.
  const auto host =
      std::ranges::find_if(head.headers, [](const auto& it) { return equals_ignoring_case(it.name, "host"); });
  append_header(out, "host", host != head.headers.end() && is_authority(host->value) ? host->value : head.authority);
  for (const auto& [name, value] : head.headers) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    if (is_hop_by_hop(lower) || lower == "content-length" || lower == "host" || lower == "proxy-authorization" ||
        lower == "proxy-authenticate")
      continue;
    append_header(out, name, value);
  }
  if (!has("user-agent") && !user_agent.empty()) append_header(out, "user-agent", user_agent);
  if (plan.framing == RequestFraming::length) append_header(out, "content-length", std::to_string(plan.length));
  if (plan.framing == RequestFraming::chunked) append_header(out, "transfer-encoding", "chunked");
  out.append("\r\n");
  return plan;
}

}  // namespace weft::web
