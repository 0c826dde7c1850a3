// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/settings.hpp"

#include <gtest/gtest.h>

#include "builtins/keyvalue-redis/connection.hpp"
#include "builtins/keyvalue-redis/redis_watch.hpp"

namespace weft::builtins::keyvalue_redis {
namespace {

TEST(RedisSettingsTest, has_the_defaults_of_the_reference) {
  const auto settings = Settings::parse({});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->url, "redis://127.0.0.1:6379/");
  EXPECT_EQ(settings->connect_timeout.count(), 3000);
  EXPECT_EQ(settings->response_timeout.count(), 1000);
  EXPECT_EQ(settings->retries, 3U);
  EXPECT_EQ(settings->longest_delay.count(), 300);
  EXPECT_FALSE(settings->shares_by_url);
  EXPECT_FALSE(settings->needs_own_url);
}

TEST(RedisSettingsTest, keys_are_read_in_any_case_and_two_by_their_presence) {
  const auto settings = Settings::parse({{"url", "redis://h"},
                                         {"backend_response_timeout_ms", "7"},
                                         {"Backend_Reconnect_Num_Retries", "0"},
                                         {"share_connections_by_url", ""},
                                         {"DISABLE_DEFAULT_CONNECTION", "false"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->url, "redis://h");
  EXPECT_EQ(settings->response_timeout.count(), 7);
  EXPECT_EQ(settings->retries, 0U);
  EXPECT_TRUE(settings->shares_by_url);
  EXPECT_TRUE(settings->needs_own_url);
  EXPECT_NE(Settings::parse({{"BACKEND_CONNECTION_TIMEOUT_MS", "soon"}}).error().message().find("BACKEND_CONNECTION"),
            std::string::npos);
}

TEST(RedisSettingsTest, reads_urls) {
  const auto parse = [](std::string_view url) { return *Server::parse(url); };
  EXPECT_EQ(parse("redis://host"), (Server{.host = "host"}));
  EXPECT_EQ(parse("redis://host:1234/5"), (Server{.host = "host", .port = 1234, .database = 5}));
  EXPECT_EQ(parse("redis://me:p%40ss:w/rd@host/"), (Server{.host = "host", .user = "me", .password = "p@ss:w/rd"}));
  EXPECT_EQ(parse("redis://:secret@[::1]:7/1"),
            (Server{.host = "::1", .port = 7, .password = "secret", .database = 1}));
  EXPECT_EQ(parse("redis+unix:///run/r?db=2&user=me&pass=x"),
            (Server{.socket_path = "/run/r", .user = "me", .password = "x", .database = 2}));
  EXPECT_EQ(parse("redis://me:secret@[::1]:7/1").shown(), "redis://[::1]:7/1");
}

TEST(RedisSettingsTest, refuses_urls_without_showing_them) {
  for (const char* url :
       {"", "host:6379", "http://h", "redis://", "redis://hunter2@", "redis://h:0", "redis://h:x", "redis://h/x",
        "redis://hunter2%4@h", "redis://[::1", "redis+unix://", "redis+unix:///s?db=x"}) {
    const auto server = Server::parse(url);
    ASSERT_FALSE(server) << url;
    EXPECT_EQ(server.error().to_string().find("hunter2"), std::string::npos);
  }
  EXPECT_EQ(Server::parse("rediss://h").error().code(), Errc::unsupported);
}

TEST(RedisErrorsTest, say_what_mends_them) {
  EXPECT_EQ(to_error("WRONGTYPE Operation against a key", "s").code(), Errc::type_mismatch);
  EXPECT_EQ(to_error("NOAUTH Authentication required.", "s").code(), Errc::permission_denied);
  EXPECT_EQ(to_error("WRONGPASS invalid username-password pair", "s").code(), Errc::permission_denied);
  EXPECT_EQ(to_error("OOM command not allowed", "s").code(), Errc::resource_exhausted);
  EXPECT_EQ(to_error("READONLY You can't write", "s").code(), Errc::unavailable);
  EXPECT_EQ(to_error("MOVED 1 h:1", "s").code(), Errc::unsupported);
  EXPECT_EQ(to_error("BUSYKEY Target key name", "s").code(), Errc::refused);
  EXPECT_EQ(to_error("ERR odd", "s").message(), "Redis says: ERR odd");
}

TEST(RedisEventsTest, tell_sets_from_ends) {
  EXPECT_EQ(event_of("set"), Event::set);
  EXPECT_EQ(event_of("incrby"), Event::set);
  EXPECT_EQ(event_of("del"), Event::erased);
  EXPECT_EQ(event_of("expired"), Event::erased);
  EXPECT_EQ(event_of("expire"), Event::nothing);
  EXPECT_TRUE(notifies("AK"));
  EXPECT_TRUE(notifies("g$K"));
  EXPECT_FALSE(notifies("gK"));
  EXPECT_FALSE(notifies("AE"));
  EXPECT_FALSE(notifies(""));
}

}  // namespace
}  // namespace weft::builtins::keyvalue_redis
