// SPDX-License-Identifier: Apache-2.0
// The three modes, what nobody can answer, and where a request's authority comes from.
#include "builtins/http-server/http_server.hpp"

#include <fmt/format.h>

#include "builtins/http-server/http_server_fixture.hpp"

namespace weft::builtins::test {
namespace {

TEST_F(HttpServerTest, a_link_in_address_mode_has_a_port_of_its_own) {
  start("address");
  EXPECT_TRUE(provider_->addresses().empty());
  serve("shop", {{"ADDRESS", "127.0.0.1:0"}});
  serve("blog", {}, "second");
  ASSERT_EQ(provider_->addresses().size(), 2);
  const auto blog = talk(request("GET", "/any/path?x=1"), port(0));
  EXPECT_EQ(body_of(blog), "blog localhost /any/path?x=1");
  EXPECT_EQ(body_of(talk(request("GET", "/"), port(1))), "shop localhost /");
  EXPECT_TRUE(has_logged("http-server web serves blog at " + provider_->addresses()[0]));
}

TEST_F(HttpServerTest, paths_are_compared_whole_and_without_the_query) {
  start("path");
  serve("shop", {{"path", "/shop"}}, "a");
  serve("root", {{"path", "/"}}, "b");
  EXPECT_EQ(body_of(get("/shop?x=/y")), "shop localhost /shop?x=/y");
  EXPECT_EQ(body_of(get("/")), "root localhost /");
  for (const auto* const other : {"/shop/", "/shop/cart", "/SHOP", "/sho", "/other"}) {
    const auto answer = get(other);
    EXPECT_EQ(status_of(answer), "404") << other;
    EXPECT_EQ(body_of(answer), "path not found\n");
  }
  EXPECT_EQ(status_of(talk(request("OPTIONS", "*"))), "404");
  EXPECT_TRUE(has_logged("http-server web serves shop at " + provider_->addresses()[0] + "/shop"));
}

TEST_F(HttpServerTest, a_path_that_ends_in_a_star_takes_all_below_it) {
  start("path");
  serve("all", {{"path", "/*"}}, "a");
  serve("api", {{"path", "/api/*"}}, "b");
  serve("exact", {{"path", "/api/v1"}}, "c");
  serve("deep", {{"path", "/api/v1/*"}}, "d");
  const auto who = [this](std::string_view path) { return body_of(get(path)).substr(0, 3); };
  EXPECT_EQ(who("/api/v1"), "exa");
  EXPECT_EQ(who("/api/v1/x/y"), "dee");
  EXPECT_EQ(who("/api/"), "api");
  EXPECT_EQ(who("/api"), "all");
  EXPECT_EQ(who("/"), "all");
}

TEST_F(HttpServerTest, hosts_are_told_by_the_host_header) {
  start("host");
  serve("shop", {{"host", "shop.test"}}, "a");
  serve("blog", {{"host", "blog.test:8000"}}, "b");
  EXPECT_EQ(body_of(talk("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")), "shop shop.test /");
  EXPECT_EQ(body_of(talk("GET / HTTP/1.1\r\nHost: blog.test:8000\r\nConnection: close\r\n\r\n")),
            "blog blog.test:8000 /");
  const auto miss = talk("GET / HTTP/1.1\r\nHost: shop.test:1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(miss), "404");
  EXPECT_EQ(body_of(miss), "host not found\n");
  const auto missing = talk("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(missing), "400");
  EXPECT_EQ(body_of(missing), "missing host header\n");
}

TEST_F(HttpServerTest, another_header_may_tell_hosts) {
  start("host", {{"header", "X-Tenant"}});
  serve("shop", {{"host", "Shop 1"}});
  EXPECT_EQ(body_of(get("/", "x-tenant: Shop 1\r\n")), "shop localhost /");
  EXPECT_EQ(status_of(get("/", "x-tenant: shop 1\r\n")), "404");
  const auto missing = get("/");
  EXPECT_EQ(status_of(missing), "400");
  EXPECT_EQ(body_of(missing), "missing x-tenant header\n");
  const auto invalid = get("/", "x-tenant: sh\xc3\xb6p\r\n");
  EXPECT_EQ(status_of(invalid), "400");
  EXPECT_EQ(body_of(invalid), "invalid x-tenant header\n");
  EXPECT_TRUE(has_logged("http-server web serves shop at " + provider_->addresses()[0] + " for x-tenant: Shop 1"));
}

TEST_F(HttpServerTest, a_component_that_does_not_run_is_named_with_what_to_do) {
  start("path");
  serve("shop", {{"path", "/"}});
  route_to_nothing("default", "shop");
  const auto answer = get("/");
  EXPECT_EQ(status_of(answer), "503");
  EXPECT_EQ(body_of(answer), "component \"shop\" does not run here\nstart it: weft start component <ref> shop\n");
  route("default", "shop", "shop");
  EXPECT_EQ(status_of(get("/")), "200");
}

TEST_F(HttpServerTest, a_link_that_leads_nowhere_is_told_too) {
  start("path");
  ASSERT_TRUE(provider_->put_link(link_to("shop", {{"path", "/"}})));
  const auto answer = get("/");
  EXPECT_EQ(status_of(answer), "503");
  EXPECT_TRUE(body_of(answer).starts_with("component \"shop\" cannot be reached: \"web\" has no link named")) << answer;
  EXPECT_TRUE(answer.contains("weft link put web")) << answer;
}

TEST_F(HttpServerTest, a_component_without_http_is_told_from_one_that_does_not_run) {
  start("path");
  serve("shop", {{"path", "/"}});
  route("default", "shop", "");
  const auto answer = get("/");
  EXPECT_EQ(status_of(answer), "502");
  EXPECT_TRUE(body_of(answer).starts_with("component \"shop\" does not answer HTTP")) << answer;
}

TEST_F(HttpServerTest, a_guest_that_fails_answers_500) {
  start("path");
  serve("shop", {{"path", "/"}});
  EXPECT_EQ(status_of(get("/?fail")), "500");
}

TEST_F(HttpServerTest, bodies_pass_both_ways) {
  start("path");
  serve("shop", {{"path", "/"}});
  const std::string body(300'000, 'x');
  const auto answer =
      talk(request("POST", "/?echo", fmt::format("Content-Length: {}\r\nX-Forwarded-Host: a\r\n", body.size())) + body);
  EXPECT_EQ(status_of(answer), "201");
  EXPECT_EQ(std::ranges::count(body_of(answer), 'x'), 300'000);
}

TEST_F(HttpServerTest, the_authority_is_the_targets_or_the_forwarded_one_or_the_host) {
  start("path");
  serve("shop", {{"path", "/*"}});
  EXPECT_EQ(body_of(get("/a", "X-Forwarded-Host: example.org:81\r\n")), "shop example.org:81 /a");
  EXPECT_EQ(body_of(get("/a", "X-Forwarded-Host: one.test , two.test\r\n")), "shop one.test /a");
  EXPECT_EQ(body_of(get("/a", "X-Forwarded-Host: no/host\r\n")), "shop localhost /a");
  EXPECT_EQ(body_of(get("/a", "X-Forwarded-Host:\r\n")), "shop localhost /a");
  const auto absolute = talk(
      "GET http://target.test/a HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-Host: y.test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of(absolute), "shop target.test /a");
}

TEST_F(HttpServerTest, a_hundred_links_share_one_port) {
  start("path");
  for (int i = 0; i < 100; ++i) {
    serve(fmt::format("component-{}", i), {{"path", fmt::format("/app/{}", i)}}, fmt::format("link-{}", i));
  }
  EXPECT_EQ(provider_->addresses().size(), 1);
  Client client(port());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(fmt::format("GET /app/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", i)));
    const auto end = fmt::format("component-{0} localhost /app/{0}", i);
    EXPECT_TRUE(client.receive_until(end).contains("200 OK")) << i;
  }
}

}  // namespace
}  // namespace weft::builtins::test
