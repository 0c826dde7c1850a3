// SPDX-License-Identifier: Apache-2.0
/// Reads the address a server listens on: "127.0.0.1:8000", "[::1]:8000", "localhost:8000", ":8000" (every IPv4
/// interface). Pure but for resolve(), which may ask the system's resolver and block. Errors: invalid_argument for text
/// that is no address; io for a name that does not resolve.
#pragma once

#include <weft/result.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::web {

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};

[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);
/// A literal address as it is; a name by the system, IPv4 first.
[[nodiscard]] Result<boost::asio::ip::tcp::endpoint> resolve(const ListenAddress& address);
[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace weft::web
