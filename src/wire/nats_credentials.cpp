// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_credentials.hpp"

#include <optional>

#include "wire/json.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// What stands in the line after the one with `title` ("---BEGIN NATS USER JWT---").
std::optional<std::string> after(std::string_view text, std::string_view title) {
  const auto at = text.find(title);
  if (at == std::string_view::npos) return std::nullopt;
  const auto line_end = text.find('\n', at);
  if (line_end == std::string_view::npos) return std::nullopt;
  const auto begin = text.find_first_not_of(kSpace, line_end);
  if (begin == std::string_view::npos || text[begin] == '-') return std::nullopt;
  return std::string(text.substr(begin, text.find_first_of(kSpace, begin) - begin));
}

}  // namespace

Result<NatsCredentials> read_nats_credentials(std::string_view text) {
  auto jwt = after(text, "BEGIN NATS USER JWT");
  if (!jwt) return malformed_json("NATS credentials", "there is no user token in them");
  auto seed = after(text, "BEGIN USER NKEY SEED");
  if (!seed) return malformed_json("NATS credentials", "there is no seed in them");
  return NatsCredentials{.jwt = *std::move(jwt), .seed = *std::move(seed)};
}

}  // namespace weft::wire
