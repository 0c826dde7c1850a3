// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_grants.hpp"

#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {
namespace {

Error bad(std::string message, std::string hint) {
  return Error(Errc::invalid_argument, std::move(message), std::move(hint), Blame::operator_);
}

struct HostAndPort {
  std::string_view host;  ///< with its brackets
  std::string_view port;
};

/// Absent if there is no port, or if an IPv6 address has no brackets.
std::optional<HostAndPort> split_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const HostAndPort parts{text.substr(0, colon), text.substr(colon + 1)};
  const bool bracketed = parts.host.starts_with('[') && parts.host.ends_with(']') && parts.host.size() > 2;
  if (!bracketed && parts.host.find_first_of(":[]") != std::string_view::npos) return std::nullopt;
  return parts;
}

bool is_clean_host(std::string_view host) {
  return !host.empty() && std::ranges::none_of(host, [](char c) { return c <= ' ' || c == '/' || c == 127; });
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_env(std::string_view text, const GetEnv& getenv) {
  const std::size_t equals = text.find('=');
  std::string name(text.substr(0, equals));
  if (name.empty())
    return bad(fmt::format("'{}' does not name an environment variable.", text), "Write '--env NAME=VALUE'.");
  if (equals != std::string_view::npos) return std::pair(std::move(name), std::string(text.substr(equals + 1)));
  if (auto value = getenv(name)) return std::pair(std::move(name), *std::move(value));
  return bad(fmt::format("'--env {}' passes on a variable that is not set here.", name),
             fmt::format("Set {} or write '--env {}=VALUE'.", name, name));
}

Result<PreopenedDir> parse_dir(std::string_view text) {
  PreopenedDir dir;
  std::string_view rest = text;
  if (rest.ends_with(":rw")) {
    dir.access = DirAccess::read_write;
    rest.remove_suffix(3);
  } else if (rest.ends_with(":ro")) {
    rest.remove_suffix(3);
  }
  const std::size_t separator = rest.find("::");
  dir.host_path = rest.substr(0, separator);
  dir.guest_path = separator == std::string_view::npos ? rest : rest.substr(separator + 2);
  if (dir.host_path.empty() || dir.guest_path.empty()) {
    return bad(fmt::format("'{}' does not name a folder.", text),
               "Write '--dir HOST', '--dir HOST::GUEST', or either with ':rw' behind it.");
  }
  return dir;
}

Result<std::string> parse_network_peer(std::string_view text) {
  const auto parts = split_host_port(text);
  const bool good_port = parts && (parts->port == "*" || parse_whole(parts->port, 65535).value_or(0) != 0);
  if (!good_port || !is_clean_host(parts->host)) {
    return bad(fmt::format("'{}' is not a network peer.", text),
               "Write '--allow-net HOST:PORT', with '*' as the port for all of them.");
  }
  return std::string(text);
}

Result<std::string> parse_listen(std::string_view text) {
  if (text.starts_with(':')) text.remove_prefix(1);
  if (parse_whole(text, 65535)) return fmt::format("127.0.0.1:{}", text);
  const auto parts = split_host_port(text);
  if (!parts || !parse_whole(parts->port, 65535) || !is_clean_host(parts->host)) {
    return bad(fmt::format("'{}' is not an address to listen on.", text),
               "Write '--listen ADDRESS:PORT', such as 127.0.0.1:8000 or [::]:8000.");
  }
  return std::string(text);
}

std::string url_of(std::string_view bound_address) {
  const auto parts = split_host_port(bound_address);
  if (parts && parts->host == "0.0.0.0") return fmt::format("http://127.0.0.1:{}", parts->port);
  if (parts && parts->host == "[::]") return fmt::format("http://[::1]:{}", parts->port);
  return fmt::format("http://{}", bound_address);
}

}  // namespace weft::cli
