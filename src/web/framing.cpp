// SPDX-License-Identifier: Apache-2.0
#include "web/framing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace weft::web {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr auto kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    table[static_cast<std::size_t>(c)] = is_alpha(character) || is_digit(character) ||
                                         (c < 128 && c > 32 && std::string_view("!#$%&'*+-.^_`|~").contains(character));
  }
  return table;
}();

constexpr bool is_token_character(char c) noexcept { return kTokenCharacters[static_cast<unsigned char>(c)]; }

constexpr bool is_text_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/// Printable ASCII that may stand in a path or query. Quotes, braces and bars are not in RFC 3986 but common and
/// harmless.
constexpr bool is_target_character(char c) noexcept {
  return c > 0x20 && c < 0x7f && c != '#' && c != '<' && c != '>' && c != '`';
}

constexpr bool is_host_character(char c) noexcept {
  return is_alpha(c) || is_digit(c) || (c > 0 && std::string_view("-._~%!$&'()*+,;=").contains(c));
}

std::string_view after_scheme(std::string_view target) noexcept {
  constexpr std::array<std::string_view, 2> schemes = {"http://", "https://"};
  for (const auto scheme : schemes) {
    if (target.size() > scheme.size() && equals_ignoring_case(target.substr(0, scheme.size()), scheme))
      return target.substr(scheme.size());
  }
  return {};
}

}  // namespace

HeadScan scan_head(std::string_view bytes, std::size_t& resume) noexcept {
  HeadScan scan;
  while (resume < bytes.size()) {
    const auto* found = static_cast<const char*>(std::memchr(bytes.data() + resume, '\n', bytes.size() - resume));
    if (found == nullptr) {
      resume = bytes.size();
      break;
    }
    const auto at = static_cast<std::size_t>(found - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') {
      return {HeadScan::State::refused, 0, {400, "a line ends in a bare line feed"}};
    }
    if (at == 1 || bytes[at - 2] == '\n') return {HeadScan::State::complete, at + 1, {}};
    if (at + 1 == bytes.size()) {
      resume = at;  // whether the next line is folded is not known yet
      break;
    }
    if (bytes[at + 1] == ' ' || bytes[at + 1] == '\t')
      return {HeadScan::State::refused, 0, {400, "a header is folded over lines"}};
    resume = at + 1;
  }
  return scan;
}

bool can_begin_request(char byte) noexcept { return is_token_character(byte) || byte == '\r'; }

bool has_folded_line(std::string_view lines) noexcept {
  for (auto at = lines.find('\n'); at != std::string_view::npos; at = lines.find('\n', at + 1)) {
    if (at + 1 < lines.size() && (lines[at + 1] == ' ' || lines[at + 1] == '\t')) return true;
  }
  return false;
}

bool is_chunk_extension(std::string_view text) noexcept { return std::ranges::all_of(text, is_text_byte); }

bool is_token(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_token_character); }

bool is_field_value(std::string_view text) noexcept { return std::ranges::all_of(text, is_text_byte); }

bool is_authority(std::string_view text) noexcept {
  if (text.empty() || text.size() > 261) return false;  // 255 for the name, 6 for the port
  std::size_t end = 0;
  if (text.front() == '[') {
    end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const auto inside = text.substr(1, end - 1);
    if (!inside.contains(':') || !std::ranges::all_of(inside, [](char c) { return is_hex(c) || c == ':' || c == '.'; }))
      return false;
    ++end;
  } else {
    while (end < text.size() && is_host_character(text[end])) ++end;
    if (end == 0) return false;
  }
  if (end == text.size()) return true;
  const auto port = text.substr(end + 1);
  if (text[end] != ':' || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return number <= 65535;
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool is_hop_by_hop(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return name == "te";
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 14:
      return name == "http2-settings";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  return is_hop_by_hop(name) || name == "content-length" || name == "host" || name == "trailer" ||
         name == "content-encoding" || name == "content-type" || name == "content-range" || name == "expect" ||
         name == "max-forwards" || name == "cache-control" || name == "authorization" || name == "set-cookie";
}

Target split_target(std::string_view method, std::string_view target) noexcept {
  Target parts;
  if (method == "CONNECT") {
    parts.refusal = {501, "CONNECT is not offered here"};
    return parts;
  }
  if (target == "*") {
    if (method != "OPTIONS") parts.refusal = {400, "only OPTIONS may ask for *"};
    parts.path_and_query = target;
    return parts;
  }
  if (!target.starts_with('/')) {
    const auto rest = after_scheme(target);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    parts.authority = rest.substr(0, end);
    if (!is_authority(parts.authority)) {
      parts.refusal = {400, "the request target is not valid"};
      return parts;
    }
    parts.path_and_query = end == rest.size() ? std::string_view("/") : rest.substr(end);
    if (parts.path_and_query.starts_with('?')) {
      parts.refusal = {400, "the request target has no path"};
      return parts;
    }
  } else {
    parts.path_and_query = target;
  }
  if (!std::ranges::all_of(parts.path_and_query, is_target_character)) {
    parts.refusal = {400, "the request target holds a character that must be percent-encoded"};
  }
  return parts;
}

Framing judge_framing(const HeadFacts& facts) noexcept {
  Framing framing;
  const auto refuse = [&framing](unsigned status, std::string_view reason) {
    framing.refusal = {status, reason};
    return framing;
  };
  if (facts.hosts > 1) return refuse(400, "more than one Host header");
  if (facts.hosts == 0 && facts.version >= 11) return refuse(400, "the Host header is missing");
  if (facts.hosts == 1 && !is_authority(facts.host)) return refuse(400, "the Host header is not valid");
  if (facts.codings > 0) {
    if (facts.lengths > 0) return refuse(400, "both Content-Length and Transfer-Encoding");
    if (facts.codings > 1) return refuse(400, "more than one Transfer-Encoding header");
    if (facts.version < 11) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (!equals_ignoring_case(facts.coding, "chunked")) return refuse(400, "a transfer coding other than chunked");
    framing.chunked = true;
  }
  if (facts.lengths > 1) return refuse(400, "more than one Content-Length header");
  if (facts.lengths == 1) {
    framing.content_length = parse_length(facts.length);
    if (!framing.content_length) return refuse(400, "the Content-Length header is not a number");
  }
  if (facts.expectations > 0 && facts.version >= 11) {
    if (facts.expectations > 1 || !equals_ignoring_case(facts.expectation, "100-continue"))
      return refuse(417, "an expectation that cannot be met");
    framing.expects_continue = framing.chunked || framing.content_length.value_or(0) > 0;
  }
  return framing;
}

Refusal judge_version(std::string_view head) noexcept {
  const auto line = head.substr(0, head.find("\r\n"));
  const auto version = line.substr(line.find_last_of(' ') + 1);
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
      is_digit(version[7]) && version != "HTTP/1.1" && version != "HTTP/1.0") {
    return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  }
  return {400, "the request line is malformed"};
}

}  // namespace weft::web
