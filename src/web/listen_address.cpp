// SPDX-License-Identifier: Apache-2.0
#include "web/listen_address.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace weft::web {
namespace {

using boost::asio::ip::tcp;

Error malformed(std::string_view text) {
  return {Errc::invalid_argument, "'" + std::string(text) + "' is not an address to listen on",
          "Write host:port, for example 127.0.0.1:8000, [::1]:8000 or localhost:8000; port 0 lets the system choose.",
          Blame::operator_};
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed(text);
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  ListenAddress address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return malformed(text);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    boost::system::error_code bad;
    boost::asio::ip::make_address_v6(std::string(host), bad);
    if (bad) return malformed(text);
  } else if (host.contains(':') || host.contains(' ') || host.contains('/')) {
    return malformed(text);
  }
  address.host = host.empty() ? "0.0.0.0" : std::string(host);
  return address;
}

Result<tcp::endpoint> resolve(const ListenAddress& address) {
  boost::system::error_code error;
  const auto literal = boost::asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(literal, address.port);
  boost::asio::io_context io;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return Error{Errc::io, "The host '" + address.host + "' cannot be resolved: " + error.message(),
                 "Use a name or an address of this machine, for example 127.0.0.1.", Blame::operator_};
  }
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint();
  }
  return found.begin()->endpoint();
}

std::string to_text(const tcp::endpoint& endpoint) {
  auto text = endpoint.address().to_string();
  if (endpoint.address().is_v6()) text = "[" + text + "]";
  return text + ":" + std::to_string(endpoint.port());
}

}  // namespace weft::web
