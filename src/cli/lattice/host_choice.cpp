// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/host_choice.hpp"

#include "wire/nkey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace weft::cli {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string listed(std::span<const wire::HostPing> hosts) {
  std::string text;
  for (const auto& host : hosts) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", host.id, host.friendly_name);
  }
  return text;
}

}  // namespace

bool is_host_id(std::string_view text) noexcept {
  return text.size() == wire::kPublicKeyLength && text[0] == 'N' &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); });
}

Result<wire::HostPing> choose_host(std::span<const wire::HostPing> hosts, std::string_view wanted) {
  std::vector<wire::HostPing> found;
  for (const auto& host : hosts) {
    if (lower(host.id).starts_with(lower(wanted)) || lower(host.friendly_name).contains(lower(wanted))) {
      found.push_back(host);
    }
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    return Error(Errc::not_found, fmt::format("No host is called '{}'.", wanted),
                 fmt::format("Name one of: {}.", listed(hosts)), Blame::operator_);
  }
  return Error(Errc::invalid_argument,
               wanted.empty() ? fmt::format("There are {} hosts.", found.size())
                              : fmt::format("'{}' may be any of {} hosts.", wanted, found.size()),
               fmt::format("Name one with '--host': {}.", listed(found)), Blame::operator_);
}

}  // namespace weft::cli
