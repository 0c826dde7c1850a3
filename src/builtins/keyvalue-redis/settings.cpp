// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/settings.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace weft::builtins::keyvalue_redis {
namespace {

constexpr std::string_view kHint = "it looks like redis://user:password@host:6379/0, all but the host optional";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error refused(std::string what) {
  return {Errc::invalid_argument, std::move(what), std::string(kHint), Blame::operator_};
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<std::string> decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = text.size() - at > 2 ? hex(text[at + 1]) : -1;
    const int low = text.size() - at > 2 ? hex(text[at + 2]) : -1;
    if (high < 0 || low < 0) return refused("the URL has a '%' that begins no encoded byte");
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

Result<void> read_user(Server& server, std::string_view text) {
  const auto colon = text.find(':');
  WEFT_TRY(server.user, decode_percent(text.substr(0, colon)));
  if (colon != std::string_view::npos) {
    WEFT_TRY(server.password, decode_percent(text.substr(colon + 1)));
  }
  return {};
}

Result<void> read_host(Server& server, std::string_view text) {
  const bool is_v6 = text.starts_with('[');
  const auto end = is_v6 ? text.find(']') : std::string_view::npos;
  if (is_v6 && end == std::string_view::npos) return refused("the URL has a '[' without its ']'");
  const auto colon = is_v6 ? text.find(':', end) : text.find(':');
  const auto host = is_v6 ? text.substr(1, end - 1) : text.substr(0, colon);
  if (host.empty()) return refused("the URL names no host");
  server.host = host;
  if (colon == std::string_view::npos) return {};
  const auto port = parse_number<int>(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return refused("the URL has a port that is none");
  server.port = *port;
  return {};
}

Result<void> read_database(Server& server, std::string_view text) {
  if (text.empty()) return {};
  const auto number = parse_number<std::uint32_t>(text);
  if (!number) return refused("the URL has a database that is no number");
  server.database = *number;
  return {};
}

Result<void> read_query(Server& server, std::string_view query) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = pair.substr(0, equals);
    WEFT_TRY(const auto value, decode_percent(pair.substr(std::min(equals + 1, pair.size()))));
    if (name == "db") WEFT_CHECK(read_database(server, value));
    if (name == "user") server.user = value;
    if (name == "pass") server.password = value;
  }
  return {};
}

Result<std::uint32_t> read_count(const ConfigMap& config, std::string_view key, std::uint32_t fallback) {
  const auto* text = find_any_case(config, key);
  if (text == nullptr || text->empty()) return fallback;
  const auto number = parse_number<std::uint32_t>(*text);
  if (number) return *number;
  return Error(Errc::invalid_argument, std::string(key) + " is no number", "give it in digits", Blame::operator_);
}

Result<std::chrono::milliseconds> read_time(const ConfigMap& config, std::string_view key,
                                            std::chrono::milliseconds fallback) {
  WEFT_TRY(const auto number, read_count(config, key, static_cast<std::uint32_t>(fallback.count())));
  return std::chrono::milliseconds(std::max(number, 1U));
}

}  // namespace

const std::string* find_any_case(const ConfigMap& config, std::string_view key) {
  const auto found = std::ranges::find_if(
      config, [key](const auto& item) { return std::ranges::equal(item.first, key, {}, lower, lower); });
  return found == config.end() ? nullptr : &found->second;
}

std::string Server::shown() const {
  const auto where = socket_path.empty()
                         ? "redis://" + (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(port)
                         : "redis+unix://" + socket_path;
  return where + "/" + std::to_string(database);
}

Result<Server> Server::parse(std::string_view url) {
  const auto scheme_end = url.find("://");
  const auto scheme = scheme_end == std::string_view::npos ? std::string_view() : url.substr(0, scheme_end);
  if (scheme == "rediss") {
    return Error(Errc::unsupported, "connections to Redis with TLS are not supported",
                 "use redis:// over a network that is safe, or a tunnel such as stunnel", Blame::operator_);
  }
  const bool is_socket = scheme == "redis+unix" || scheme == "unix";
  if (scheme != "redis" && !is_socket) return refused("the URL of the Redis server has another scheme than redis://");
  auto rest = url.substr(scheme_end + 3);
  Server server;
  const auto question = rest.find('?');
  if (question != std::string_view::npos) WEFT_CHECK(read_query(server, rest.substr(question + 1)));
  rest = rest.substr(0, question);
  if (is_socket) {
    WEFT_TRY(server.socket_path, decode_percent(rest));
    if (server.socket_path.empty()) return refused("the URL names no socket");
    return server;
  }
  // The last '@': a password may hold one, and a '/'.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    WEFT_CHECK(read_user(server, rest.substr(0, at)));
    rest.remove_prefix(at + 1);
  }
  const auto slash = std::min(rest.find('/'), rest.size());
  WEFT_CHECK(read_host(server, rest.substr(0, slash)));
  WEFT_CHECK(read_database(server, rest.substr(std::min(slash + 1, rest.size()))));
  return server;
}

Result<Settings> Settings::parse(const ConfigMap& config) {
  Settings settings;
  if (const auto* url = find_any_case(config, "URL"); url != nullptr && !url->empty()) settings.url = *url;
  WEFT_TRY(const auto server, Server::parse(settings.url));
  (void)server;
  WEFT_TRY(settings.connect_timeout, read_time(config, "BACKEND_CONNECTION_TIMEOUT_MS", settings.connect_timeout));
  WEFT_TRY(settings.response_timeout, read_time(config, "BACKEND_RESPONSE_TIMEOUT_MS", settings.response_timeout));
  WEFT_TRY(settings.retries, read_count(config, "BACKEND_RECONNECT_NUM_RETRIES", settings.retries));
  WEFT_TRY(settings.longest_delay, read_time(config, "BACKEND_RECONNECT_MAX_DELAY_MS", settings.longest_delay));
  settings.shares_by_url = find_any_case(config, "SHARE_CONNECTIONS_BY_URL") != nullptr;
  settings.needs_own_url = find_any_case(config, "DISABLE_DEFAULT_CONNECTION") != nullptr;
  return settings;
}

}  // namespace weft::builtins::keyvalue_redis
