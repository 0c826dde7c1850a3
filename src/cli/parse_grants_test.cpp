// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_grants.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

const GetEnv kEnvironment = [](const std::string& name) {
  return name == "HOME" ? std::optional<std::string>("/h") : std::nullopt;
};

TEST(ParseEnvTest, splits_at_the_first_equals_sign) {
  EXPECT_EQ(*parse_env("A=b=c", kEnvironment), std::pair(std::string("A"), std::string("b=c")));
  EXPECT_EQ(*parse_env("A=", kEnvironment), std::pair(std::string("A"), std::string()));
}

TEST(ParseEnvTest, a_name_alone_passes_on_the_value_and_fails_if_there_is_none) {
  EXPECT_EQ(*parse_env("HOME", kEnvironment), std::pair(std::string("HOME"), std::string("/h")));
  EXPECT_FALSE(parse_env("NOPE", kEnvironment));
}

TEST(ParseEnvTest, refuses_an_empty_name) {
  EXPECT_FALSE(parse_env("=x", kEnvironment));
  EXPECT_FALSE(parse_env("", kEnvironment));
}

TEST(ParseDirTest, is_read_only_and_of_the_same_path_by_default) {
  const auto dir = parse_dir("data/in");
  EXPECT_EQ(dir->host_path, "data/in");
  EXPECT_EQ(dir->guest_path, "data/in");
  EXPECT_EQ(dir->access, DirAccess::read_only);
}

TEST(ParseDirTest, reads_guest_path_and_access) {
  const auto dir = parse_dir("/srv/a:b::/data:rw");
  EXPECT_EQ(dir->host_path, "/srv/a:b");
  EXPECT_EQ(dir->guest_path, "/data");
  EXPECT_EQ(dir->access, DirAccess::read_write);
  EXPECT_EQ(parse_dir("x:ro")->access, DirAccess::read_only);
  EXPECT_EQ(parse_dir("x:ro")->guest_path, "x");
}

TEST(ParseDirTest, refuses_empty_paths) {
  for (const std::string_view text : {"", "::", "::x", "x::", ":rw", "x:::rw"}) EXPECT_FALSE(parse_dir(text)) << text;
}

TEST(ParseNetworkPeerTest, wants_a_host_and_a_port) {
  for (const std::string_view text : {"example.org:443", "10.0.0.1:*", "[::1]:80"})
    EXPECT_TRUE(parse_network_peer(text)) << text;
  for (const std::string_view text :
       {"", "example.org", ":80", "x:0", "x:65536", "x:http", "::1:80", "[]:80", "http://x:80", "a b:80", "x:"}) {
    EXPECT_FALSE(parse_network_peer(text)) << text;
  }
}

TEST(ParseListenTest, a_port_alone_is_on_the_loopback) {
  EXPECT_EQ(*parse_listen("8000"), "127.0.0.1:8000");
  EXPECT_EQ(*parse_listen(":0"), "127.0.0.1:0");
  EXPECT_EQ(*parse_listen("0.0.0.0:80"), "0.0.0.0:80");
  EXPECT_EQ(*parse_listen("[::]:80"), "[::]:80");
  for (const std::string_view text : {"", ":", "x", "x:y", "127.0.0.1:70000", "::1:80", "127.0.0.1:"})
    EXPECT_FALSE(parse_listen(text)) << text;
}

TEST(UrlOfTest, a_wildcard_becomes_the_loopback) {
  EXPECT_EQ(url_of("0.0.0.0:80"), "http://127.0.0.1:80");
  EXPECT_EQ(url_of("[::]:80"), "http://[::1]:80");
  EXPECT_EQ(url_of("10.1.2.3:80"), "http://10.1.2.3:80");
}

}  // namespace
}  // namespace weft::cli
