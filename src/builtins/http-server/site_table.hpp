// SPDX-License-Identifier: Apache-2.0
/// Which link a request belongs to. Immutable: a change makes another table.
///
/// Ownership: shares the sites with the requests that are under way at them. Threads: any. Cost: one hash look-up, in
/// path mode one more for each length that prefixes have (not for each prefix, and none beyond the longest: the length
/// of a request's path costs nothing).
/// Source: data-plane facts 5.2. Prefixes ("/api/*") are ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builtins/http-server/settings.hpp"
#include "web/exchange.hpp"

namespace weft::builtins::http_server {

/// One link, as requests see it.
struct Site {
  std::string component;
  std::string link_name;
  std::string place;  ///< path ("/shop", "/shop/*") or host; empty in address mode
  std::shared_ptr<const Policy> policy;
};

using SharedSite = std::shared_ptr<const Site>;

class SiteTable {
 public:
  /// In address mode there is at most one site. Of two sites at one place the later counts.
  SiteTable(RoutingMode mode, std::string header, std::vector<SharedSite> sites);
  SiteTable(const SiteTable&) = delete;
  SiteTable& operator=(const SiteTable&) = delete;

  /// A site, or the answer that there is none. Borrows from the table.
  struct Found {
    const SharedSite* site = nullptr;
    unsigned status = 0;
    std::string_view reason{};
  };
  [[nodiscard]] Found find(const web::RequestHead& request) const noexcept;

 private:
  using Index = std::unordered_map<std::string_view, const SharedSite*>;

  [[nodiscard]] Found find_path(std::string_view path) const noexcept;
  [[nodiscard]] Found find_host(const web::RequestHead& request) const noexcept;

  RoutingMode mode_;
  std::string header_, missing_header_, invalid_header_;
  std::vector<SharedSite> sites_;  ///< the keys of the indexes point into these
  Index exact_;
  Index prefixes_;                           ///< "/api/" for "/api/*"
  std::vector<std::size_t> prefix_lengths_;  ///< that occur, longest first
};

/// The path alone, without the query.
[[nodiscard]] std::string_view path_of(std::string_view path_and_query) noexcept;

}  // namespace weft::builtins::http_server
