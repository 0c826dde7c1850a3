// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/cors.hpp"

#include <gtest/gtest.h>

namespace weft::builtins::http_server {
namespace {

web::RequestHead request(std::string_view method, std::vector<web::HeaderView> headers) {
  web::RequestHead head;
  head.method = method;
  head.headers = std::move(headers);
  return head;
}

std::string text(const std::vector<web::Header>& headers) {
  std::string all;
  for (const auto& [name, value] : headers) all += name + ": " + value + "\n";
  return all;
}

TEST(CorsTest, a_preflight_names_origin_and_method) {
  EXPECT_TRUE(Cors::is_preflight(request("OPTIONS", {{"origin", "a"}, {"access-control-request-method", "PUT"}})));
  EXPECT_FALSE(Cors::is_preflight(request("OPTIONS", {{"origin", "a"}})));
  EXPECT_FALSE(Cors::is_preflight(request("OPTIONS", {{"access-control-request-method", "PUT"}})));
  EXPECT_FALSE(Cors::is_preflight(request("GET", {{"origin", "a"}, {"access-control-request-method", "PUT"}})));
}

TEST(CorsTest, empty_lists_allow_anything) {
  const Cors cors({.origins = {}, .headers = {}, .methods = {}, .exposed = {}, .max_age_seconds = 1});
  EXPECT_EQ(text(cors.preflight_answer(request("OPTIONS", {{"origin", "https://a.test"}}))),
            "vary: origin, access-control-request-method, access-control-request-headers\n"
            "access-control-allow-origin: *\n"
            "access-control-allow-methods: *\n"
            "access-control-allow-headers: *\n"
            "access-control-max-age: 1\n");
}

TEST(CorsTest, the_site_overrules_the_component_and_keeps_its_other_headers) {
  CorsSettings settings;
  settings.origins = {"https://a.test"};
  std::vector<web::Header> headers = {
      {"Access-Control-Allow-Origin", "*"}, {"x-kept", "1"}, {"access-control-expose-headers", "z"}};
  Cors(settings).decorate(request("GET", {{"origin", "https://b.test"}}), headers);
  EXPECT_EQ(text(headers),
            "x-kept: 1\nvary: origin, access-control-request-method, access-control-request-headers\n"
            "access-control-expose-headers: *\n");
}

}  // namespace
}  // namespace weft::builtins::http_server
