// SPDX-License-Identifier: Apache-2.0
/// What a component may touch, as options write it: `--env K=V`, `--dir HOST[::GUEST][:ro|:rw]`, `--allow-net
/// HOST:PORT`, and the `--listen` address. Pure: no file is looked at and no name resolved. Errors: invalid_argument.
#pragma once

#include <weft/host.hpp>
#include <weft/result.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weft::cli {

using GetEnv = std::function<std::optional<std::string>(const std::string&)>;

/// "K=V" is that; "K" alone passes on the value that weft itself has.
Result<std::pair<std::string, std::string>> parse_env(std::string_view text, const GetEnv& getenv);

/// Read-only unless it ends in ":rw"; the guest sees HOST's own path unless GUEST is given.
Result<PreopenedDir> parse_dir(std::string_view text);

/// "example.org:443", "10.0.0.1:*", "[::1]:8080".
Result<std::string> parse_network_peer(std::string_view text);

/// "127.0.0.1:8000", "[::1]:8000"; "8000" and ":8000" mean the loopback address, port 0 any free one.
Result<std::string> parse_listen(std::string_view text);

/// Where a person can open a bound address: a wildcard becomes the loopback.
std::string url_of(std::string_view bound_address);

}  // namespace weft::cli
