// SPDX-License-Identifier: Apache-2.0
#include "registry/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/fake_registry.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;
using ::testing::Not;

HttpClient plain_client(std::stop_token stop = {}) {
  HttpSettings settings;
  settings.scheme = Scheme::http;
  settings.stall_timeout = std::chrono::seconds(1);
  settings.stop = std::move(stop);
  return *HttpClient::create(std::move(settings));
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

TEST(HttpClientTest, tells_status_headers_and_body) {
  const FakeRegistry server(
      [](const FakeRequest&) { return FakeReply{.status = 404, .headers = {{"X-One", "1"}}, .body = "no"}; });
  auto client = plain_client();
  const auto answer = client.send(get(server.url("/x")));
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->head.status, 404);
  EXPECT_EQ(answer->head.header("x-one"), "1");
  EXPECT_EQ(answer->body, "no");
}

TEST(HttpClientTest, sends_bodies_with_every_method) {
  const FakeRegistry server(
      [](const FakeRequest& request) { return FakeReply{.body = request.method + request.body}; });
  auto client = plain_client();
  const std::string body(200'000, 'b');
  for (const auto& [method, name] :
       {std::pair{HttpMethod::post, "POST"}, {HttpMethod::put, "PUT"}, {HttpMethod::patch, "PATCH"}}) {
    auto request = get(server.url("/x"));
    request.method = method;
    request.max_answer = 1'000'000;
    request.body = body_of(body);
    EXPECT_EQ(client.send(request)->body, name + body);
    request.body = {};
    EXPECT_EQ(client.send(request)->body, name);
  }
  auto head = get(server.url("/x"));
  head.method = HttpMethod::head;
  EXPECT_EQ(client.send(head)->head.status, 200);
}

TEST(HttpClientTest, cuts_bodies_and_headers_without_end) {
  const FakeRegistry server([](const FakeRequest& request) -> FakeReply {
    if (request.target == "/headers") {
      FakeReply reply;
      for (int i = 0; i < 40; ++i) reply.headers["X-" + std::to_string(i)] = std::string(8'000, 'x');
      return reply;
    }
    return {.status = request.target == "/bad" ? 500 : 200, .body = std::string(10'000, 'x'), .endless = true};
  });
  auto client = plain_client();
  EXPECT_EQ(client.send(get(server.url("/good"))).error().code(), Errc::resource_exhausted);
  EXPECT_EQ(client.send(get(server.url("/bad"))).error().code(), Errc::unavailable);
  EXPECT_EQ(client.send(get(server.url("/headers"))).error().code(), Errc::resource_exhausted);
}

TEST(HttpClientTest, does_not_tell_another_host_the_credentials_of_the_first) {
  const FakeRegistry other(
      [](const FakeRequest& request) { return FakeReply{.body = request.header("authorization")}; });
  const FakeRegistry server([&other](const FakeRequest&) {
    return FakeReply{.status = 307, .headers = {{"Location", other.url("/signed?secret=1")}}};
  });
  auto client = plain_client();
  auto request = get(server.url("/x"));
  request.authorization = "Bearer secret";
  const auto answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(server.requests().at(0).header("authorization"), "Bearer secret");
}

TEST(HttpClientTest, asks_nothing_in_the_clear_unless_allowed) {
  const FakeRegistry server([](const FakeRequest&) { return FakeReply{}; });
  auto client = *HttpClient::create({});
  EXPECT_EQ(client.send(get(server.url("/x"))).error().code(), Errc::permission_denied);
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpClientTest, gives_up_on_who_stalls_and_on_redirects_without_end) {
  const FakeRegistry server([](const FakeRequest& request) -> FakeReply {
    if (request.target == "/loop") return {.status = 302, .headers = {{"Location", "/loop"}}};
    return {.body = "hello", .cut_after = 2, .stalls = true};
  });
  auto client = plain_client();
  const auto stalled = client.send(get(server.url("/x?secret=1")));
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().code(), Errc::deadline_exceeded);
  EXPECT_THAT(stalled.error().to_string(), Not(HasSubstr("secret")));
  EXPECT_EQ(client.send(get(server.url("/loop"))).error().code(), Errc::malformed);
}

TEST(HttpClientTest, ends_when_it_is_told_to) {
  std::stop_source stop;
  const FakeRegistry server([&stop](const FakeRequest&) {
    stop.request_stop();
    return FakeReply{.body = "hello", .cut_after = 2, .stalls = true};
  });
  auto client = plain_client(stop.get_token());
  EXPECT_EQ(client.send(get(server.url("/x"))).error().code(), Errc::cancelled);
}

TEST(HttpClientTest, nobody_there_may_work_later) {
  std::string url;
  {
    const FakeRegistry server([](const FakeRequest&) { return FakeReply{}; });
    url = server.url("/");
  }
  auto client = plain_client();
  EXPECT_EQ(client.send(get(url)).error().code(), Errc::unavailable);
}

TEST(HttpClientTest, knows_origins) {
  EXPECT_EQ(origin_of("https://A.example:5000/x?y"), "https://a.example:5000");
  EXPECT_EQ(origin_of("https://a"), "https://a");
  EXPECT_EQ(origin_of("https://a:443/x"), "https://a");
  EXPECT_EQ(origin_of("http://a:80"), "http://a");
  EXPECT_EQ(origin_of("http://a:443"), "http://a:443");
  EXPECT_EQ(origin_of("/x"), "");
  EXPECT_EQ(percent_encoded("a b/c:ü"), "a%20b%2Fc%3A%C3%BC");
}

}  // namespace
}  // namespace weft::registry
