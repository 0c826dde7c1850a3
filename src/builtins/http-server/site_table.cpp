// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/site_table.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace weft::builtins::http_server {
namespace {

constexpr std::string_view kPrefixEnd = "/*";

/// What 1.9 takes for text: visible ASCII, blanks and tabs.
bool is_text(std::string_view value) noexcept {
  return std::ranges::all_of(value, [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}

}  // namespace

std::string_view path_of(std::string_view path_and_query) noexcept {
  return path_and_query.substr(0, path_and_query.find('?'));
}

SiteTable::SiteTable(RoutingMode mode, std::string header, std::vector<SharedSite> sites)
    : mode_(mode),
      header_(std::move(header)),
      missing_header_("missing " + header_ + " header"),
      invalid_header_("invalid " + header_ + " header"),
      sites_(std::move(sites)) {
  for (const auto& site : sites_) {
    const std::string_view place = site->place;
    if (mode_ == RoutingMode::path && place.ends_with(kPrefixEnd)) {
      const auto prefix = place.substr(0, place.size() - 1);
      prefixes_.insert_or_assign(prefix, &site);
      prefix_lengths_.push_back(prefix.size());
    } else {
      exact_.insert_or_assign(place, &site);
    }
  }
  std::ranges::sort(prefix_lengths_, std::greater());
  const auto rest = std::ranges::unique(prefix_lengths_);
  prefix_lengths_.erase(rest.begin(), rest.end());
}

SiteTable::Found SiteTable::find(const web::RequestHead& request) const noexcept {
  switch (mode_) {
    case RoutingMode::address:
      if (!sites_.empty()) return {.site = &sites_.back()};
      break;
    case RoutingMode::path:
      return find_path(path_of(request.path_and_query));
    case RoutingMode::host:
      return find_host(request);
  }
  return {.status = 404, .reason = "nothing is served here"};
}

SiteTable::Found SiteTable::find_path(std::string_view path) const noexcept {
  if (const auto found = exact_.find(path); found != exact_.end()) return {.site = found->second};
  for (const auto length : prefix_lengths_) {
    if (length > path.size() || path[length - 1] != '/') continue;
    const auto found = prefixes_.find(path.substr(0, length));
    if (found != prefixes_.end()) return {.site = found->second};
  }
  return {.status = 404, .reason = "path not found"};
}

SiteTable::Found SiteTable::find_host(const web::RequestHead& request) const noexcept {
  const auto* const value = find_header(request, header_);
  if (value == nullptr) return {.status = 400, .reason = missing_header_};
  if (!is_text(*value)) return {.status = 400, .reason = invalid_header_};
  if (const auto found = exact_.find(*value); found != exact_.end()) return {.site = found->second};
  return {.status = 404, .reason = "host not found"};
}

}  // namespace weft::builtins::http_server
