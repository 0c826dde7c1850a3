// SPDX-License-Identifier: Apache-2.0
#include "web/response_writer.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdio>

#include "web/framing.hpp"

namespace weft::web {
namespace {

void append_number(std::string& out, std::uint64_t value, int base) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  out.append(digits.data(), end);
}

std::string_view reason_of(unsigned status) noexcept {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// Header names are compared in lower case, whatever case the guest chose.
struct LowerName {
  explicit LowerName(std::string_view name) noexcept : size(std::min(name.size(), text.size())) {
    std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    if (name.size() > text.size()) size = 0;  // no name of interest is that long
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
  std::array<char, 24> text;
  std::size_t size;
};

void append_json_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      std::array<char, 8> escape;
      out.append(escape.data(), static_cast<std::size_t>(std::snprintf(escape.data(), escape.size(), "\\u%04x", byte)));
    } else {
      out.push_back(c);
    }
  }
}

}  // namespace

HeadVerdict judge_head(unsigned status, std::span<const Header> headers) noexcept {
  HeadVerdict verdict;
  if (status < 200 || status > 599) return verdict;
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_field_value(value)) return verdict;
    if (name.size() == 14 && equals_ignoring_case(name, "content-length")) {
      const auto length = parse_length(value);
      if (!length || (verdict.length && *verdict.length != *length)) return verdict;
      verdict.length = length;
    }
  }
  verdict.valid = true;
  return verdict;
}

std::string_view DateCache::now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second_) {
    static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    second_ = now.tv_sec;
    std::tm parts{};
    ::gmtime_r(&second_, &parts);
    std::snprintf(text_, sizeof(text_), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  days[static_cast<std::size_t>(parts.tm_wday) % 7], parts.tm_mday % 100,
                  months[static_cast<std::size_t>(parts.tm_mon) % 12], (parts.tm_year + 1900) % 10000,
                  parts.tm_hour % 100, parts.tm_min % 100, parts.tm_sec % 100);
  }
  return text_;
}

void append_head(std::string& out, unsigned status, std::span<const Header> headers, const HeadPlan& plan,
                 std::string_view date) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, status, 10);
    out.push_back(' ');
    out.append(reason_of(status)).append("\r\n");
  }
  bool has_date = false;
  for (const auto& [name, value] : headers) {
    const LowerName lower(name);
    if (is_hop_by_hop(lower.view()) || lower.view() == "content-length") continue;
    has_date = has_date || lower.view() == "date";
    append_header(out, name, value);
  }
  if (!has_date) append_header(out, "date", date);
  if (plan.end == BodyEnd::length) {
    out.append("content-length: ");
    append_number(out, plan.length, 10);
    out.append("\r\n");
  } else if (plan.end == BodyEnd::chunked) {
    out.append("transfer-encoding: chunked\r\n");
  }
  if (plan.close) {
    out.append("connection: close\r\n");
  } else if (plan.keep_alive) {
    out.append("connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void append_chunk_start(std::string& out, std::size_t size) {
  append_number(out, size, 16);
  out.append("\r\n");
}

void append_last_chunk(std::string& out, std::span<const Header> trailers) {
  out.append("0\r\n");
  for (const auto& [name, value] : trailers) {
    if (is_token(name) && is_field_value(value) && !is_forbidden_trailer(LowerName(name).view()))
      append_header(out, name, value);
  }
  out.append("\r\n");
}

ResponseHead make_error(unsigned status, std::string_view reason, std::string_view id, std::string_view accept,
                        std::string& body) {
  const bool json = accept.contains("application/json");
  if (json) {
    body.append("{\"status\":");
    append_number(body, status, 10);
    body.append(",\"error\":\"");
    append_json_text(body, reason);
    body.append("\",\"id\":\"").append(id).append("\"}\n");
  } else {
    append_number(body, status, 10);
    body.append(" ").append(reason_of(status)).append(": ").append(reason).append(" (id ").append(id).append(")\n");
  }
  ResponseHead head{.status = status,
                    .headers = {{"content-type", json ? "application/json" : "text/plain; charset=utf-8"}}};
  if (status == 503) head.headers.push_back({"retry-after", "1"});
  return head;
}

}  // namespace weft::web
