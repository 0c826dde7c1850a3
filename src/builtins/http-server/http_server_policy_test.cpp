// SPDX-License-Identifier: Apache-2.0
// The settings beyond 1.9's built-in: cross-origin rules, caching, read-only sites, time and size limits.
#include "builtins/http-server/http_server.hpp"
#include "builtins/http-server/http_server_fixture.hpp"

namespace weft::builtins::test {
namespace {

constexpr std::string_view kPreflight =
    "Origin: https://page.test\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a\r\n";

TEST_F(HttpServerTest, there_are_no_cross_origin_rules_unless_they_are_asked_for) {
  start("path");
  serve("shop", {{"path", "/"}});
  EXPECT_FALSE(get("/", "Origin: https://page.test\r\n").contains("access-control-"));
  const auto options = talk(request("OPTIONS", "/", kPreflight));
  EXPECT_EQ(body_of(options), "shop localhost /") << "the component answers";
}

TEST_F(HttpServerTest, a_preflight_is_answered_without_the_component) {
  start("path", {{"cors_max_age_secs", "60"}, {"cors_allowed_methods", R"(["GET","PUT"])"}});
  serve("shop", {{"path", "/"}});
  route_to_nothing("default", "shop");
  const auto answer = talk(request("OPTIONS", "/", kPreflight));
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_EQ(body_of(answer), "");
  for (const auto* const line :
       {"access-control-allow-origin: *\r\n", "access-control-allow-methods: GET,PUT\r\n",
        "access-control-allow-headers: accept,accept-language,content-type,content-language\r\n",
        "access-control-max-age: 60\r\n", "vary: origin, access-control-request-method"}) {
    EXPECT_TRUE(answer.contains(line)) << line << "\n" << answer;
  }
  EXPECT_EQ(status_of(talk(request("OPTIONS", "/"))), "503") << "no preflight: the component's";
}

TEST_F(HttpServerTest, only_listed_origins_are_let_in) {
  start("path", {{"cors_allowed_origins", R"(["https://Page.test"])"}, {"cors_exposed_headers", R"(["x-a"])"}});
  serve("shop", {{"path", "/"}});
  const auto listed = get("/", "Origin: https://page.test\r\n");
  EXPECT_TRUE(listed.contains("access-control-allow-origin: https://page.test\r\n")) << listed;
  EXPECT_TRUE(listed.contains("access-control-expose-headers: x-a\r\n")) << listed;
  EXPECT_EQ(body_of(listed), "shop localhost /");
  const auto other = get("/", "Origin: https://page.test.evil\r\n");
  EXPECT_FALSE(other.contains("access-control-allow-origin")) << other;
  EXPECT_TRUE(other.contains("vary: origin")) << other;
}

TEST_F(HttpServerTest, answers_of_every_kind_carry_the_cross_origin_headers_once) {
  start("path", {{"cors_allowed_origins", "[]"}, {"readonly_mode", "true"}});
  serve("shop", {{"path", "/"}});
  const std::string line = "access-control-allow-origin: *\r\n";
  for (const auto* const target : {"/", "/?fail", "/?fault", "/?echo"}) {
    const auto answer = get(target, "Origin: https://page.test\r\n");
    EXPECT_TRUE(answer.contains(line)) << target << answer;
    EXPECT_FALSE(answer.contains("mine")) << answer;
  }
  const auto failed = get("/?fail", "Accept: application/json\r\n");
  EXPECT_EQ(status_of(failed), "500");
  EXPECT_TRUE(body_of(failed).starts_with('{')) << failed;
  EXPECT_TRUE(talk(request("POST", "/")).contains(line));
  route_to_nothing("default", "shop");
  const auto gone = get("/");
  EXPECT_EQ(status_of(gone), "503");
  EXPECT_TRUE(gone.contains(line)) << gone;
}

TEST_F(HttpServerTest, a_read_only_site_takes_get_and_head) {
  start("address");
  serve("shop", {{"readonly_mode", "true"}});
  EXPECT_EQ(status_of(get("/")), "200");
  EXPECT_EQ(status_of(talk(request("HEAD", "/"))), "200");
  const auto answer = talk(request("DELETE", "/"));
  EXPECT_EQ(status_of(answer), "405");
  EXPECT_TRUE(answer.contains("allow: GET, HEAD\r\n")) << answer;
}

TEST_F(HttpServerTest, cache_control_is_added_to_answers) {
  start("path", {{"cache_control", "max-age=60"}});
  serve("shop", {{"path", "/"}});
  for (const auto* const target : {"/", "/?echo"}) {
    EXPECT_TRUE(get(target).contains("cache-control: max-age=60\r\n")) << target;
  }
  EXPECT_FALSE(get("/none").contains("cache-control")) << "a miss is not cached";
}

TEST_F(HttpServerTest, a_head_that_does_not_come_in_time_is_408) {
  start("path", {{"timeout_ms", "20"}, {"cors_max_age_secs", "1"}});
  serve("shop", {{"path", "/"}});
  const auto answer = get("/?hold");
  EXPECT_EQ(status_of(answer), "408");
  EXPECT_TRUE(answer.contains("did not answer in time")) << answer;
  EXPECT_TRUE(gate_.wait_for(0, 1)) << "the component is told";
  EXPECT_EQ(status_of(get("/")), "200");
}

TEST_F(HttpServerTest, a_head_in_time_leaves_the_body_all_the_time_it_wants) {
  start("path", {{"timeout_ms", "1000"}});
  serve("shop", {{"path", "/"}});
  Client client(port());
  ASSERT_TRUE(client.send(request("POST", "/?echo", "Content-Length: 4\r\n") + "ab"));
  EXPECT_TRUE(client.receive_until("201 Created").starts_with("HTTP/1.1 201"));
  ASSERT_TRUE(client.send("cd"));
  EXPECT_TRUE(client.receive_all().contains("cd"));
}

TEST_F(HttpServerTest, a_client_that_leaves_while_the_head_is_waited_for_is_forgotten) {
  start("path", {{"timeout_ms", "60000"}});
  serve("shop", {{"path", "/"}});
  {
    Client client(port());
    ASSERT_TRUE(client.send(request("GET", "/?hold")));
    ASSERT_TRUE(gate_.wait_for(1));
  }
  EXPECT_TRUE(gate_.wait_for(0, 1));
}

TEST_F(HttpServerTest, a_body_above_the_limit_is_refused) {
  start("path", {{"max_body_bytes", "3"}});
  serve("shop", {{"path", "/"}});
  EXPECT_EQ(status_of(talk(request("POST", "/?echo", "Content-Length: 3\r\n") + "abc")), "201");
  EXPECT_EQ(status_of(talk(request("POST", "/?echo", "Content-Length: 4\r\n") + "abcd")), "413");
}

TEST_F(HttpServerTest, keys_without_effect_are_told_in_the_log) {
  start("path", {{"port", "9000"}});
  serve("shop", {{"path", "/"}, {"address", "127.0.0.1:1"}});
  EXPECT_TRUE(has_logged("warning: http-server web key `port` has no effect: write default_address"));
  EXPECT_TRUE(
      has_logged("warning: http-server web link \"default\" from \"web\" to \"shop\": key `address` has no "
                 "effect: all links share the provider's default_address"));
}

}  // namespace
}  // namespace weft::builtins::test
