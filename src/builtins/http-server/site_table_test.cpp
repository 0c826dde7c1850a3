// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/site_table.hpp"

#include <gtest/gtest.h>

#include <random>

namespace weft::builtins::http_server {
namespace {

SharedSite site(std::string place) {
  return std::make_shared<const Site>(
      Site{.component = place, .link_name = {}, .place = place, .policy = std::make_shared<const Policy>()});
}

std::vector<SharedSite> sites(const std::vector<std::string>& places) {
  std::vector<SharedSite> result;
  for (const auto& place : places) result.push_back(site(place));
  return result;
}

std::string find_path(const SiteTable& table, std::string_view target) {
  web::RequestHead request;
  request.path_and_query = target;
  const auto found = table.find(request);
  return found.site == nullptr ? "" : (*found.site)->place;
}

/// The rule itself: equality before prefixes, the longest of those.
std::string find_slowly(const std::vector<std::string>& places, std::string_view path) {
  std::string best;
  for (const auto& place : places) {
    if (place == path) return place;
    const auto prefix = std::string_view(place).substr(0, place.size() - 1);
    if (place.ends_with("/*") && path.starts_with(prefix) && place.size() > best.size()) best = place;
  }
  return best;
}

TEST(SiteTableTest, without_sites_nothing_is_found) {
  for (const auto mode : {RoutingMode::address, RoutingMode::path}) {
    const SiteTable table(mode, "host", {});
    web::RequestHead request;
    EXPECT_EQ(table.find(request).site, nullptr);
    EXPECT_EQ(table.find(request).status, 404);
  }
}

TEST(SiteTableTest, odd_targets_make_no_trouble) {
  const SiteTable table(RoutingMode::path, "host", sites({"/", "/*", "/a/*"}));
  EXPECT_EQ(find_path(table, ""), "");
  EXPECT_EQ(find_path(table, "*"), "");
  EXPECT_EQ(find_path(table, "?"), "");
  EXPECT_EQ(find_path(table, "/?/a/b"), "/");
  EXPECT_EQ(find_path(table, "//"), "/*");
  EXPECT_EQ(find_path(table, "/a"), "/*");
  EXPECT_EQ(find_path(table, "/a/"), "/a/*");
}

TEST(SiteTableTest, agrees_with_the_rule_on_any_set_of_places) {
  std::mt19937 random(20261121);
  const auto make_path = [&random] {
    std::string path;
    for (auto parts = random() % 4; parts-- > 0;) path += (random() % 2 == 0) ? "/a" : "/bb";
    return path.empty() || random() % 4 == 0 ? path + "/" : path;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> places;
    for (auto count = random() % 8; count-- > 0;) {
      auto place = make_path();
      if (random() % 2 == 0) place += place.ends_with('/') ? "*" : "/*";
      places.push_back(std::move(place));
    }
    const SiteTable table(RoutingMode::path, "host", sites(places));
    for (int i = 0; i < 50; ++i) {
      const auto path = make_path();
      EXPECT_EQ(find_path(table, path), find_slowly(places, path)) << path;
    }
  }
}

}  // namespace
}  // namespace weft::builtins::http_server
