// SPDX-License-Identifier: Apache-2.0
// Names and JSON of NATS's object stores, and what an operator may set.
#include "builtins/blobstore-nats/object_info.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "builtins/blobstore-nats/settings.hpp"
#include "wire/sha256.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

using testing::HasSubstr;

std::string why(const Result<ObjectInfo>& info) { return info ? "(fine)" : info.error().message(); }

// As nats-py 2.16 has written it.
constexpr std::string_view kTheirs =
    R"({"name":"a b","description":null,"headers":null,"options":{"link":null,"max_chunk_size":131072},"bucket":"box",)"
    R"("nuid":"Qk3cMMbUKfxhhwDzVGyW8L","size":300000,"mtime":"2026-11-22T11:00:00.000000+00:00","chunks":3,)"
    R"("digest":"SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=","deleted":false})";

TEST(ObjectInfoTest, reads_what_others_write) {
  const auto info = decode_object_info(kTheirs);
  ASSERT_TRUE(info) << info.error().to_string();
  EXPECT_EQ(info->name, "a b");
  EXPECT_EQ(info->nuid, "Qk3cMMbUKfxhhwDzVGyW8L");
  EXPECT_EQ(info->size, 300'000U);
  EXPECT_EQ(info->chunks, 3U);
  EXPECT_FALSE(info->is_deleted);
  EXPECT_EQ(info->link, "");
}

TEST(ObjectInfoTest, reads_what_it_wrote) {
  const ObjectInfo info{.name = "ü\"", .nuid = "n-1_Z", .size = UINT64_MAX, .chunks = 7, .digest = "SHA-256=x"};
  const auto again = decode_object_info(encode_object_info(info, "box", 100));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name, info.name);
  EXPECT_EQ(again->nuid, info.nuid);
  EXPECT_EQ(again->size, info.size);
  EXPECT_EQ(again->chunks, info.chunks);
  EXPECT_EQ(again->digest, info.digest);
  EXPECT_FALSE(again->is_deleted);
  const auto marker = decode_object_info(encode_object_info({.name = "a", .is_deleted = true}, "box", 1));
  ASSERT_TRUE(marker);
  EXPECT_TRUE(marker->is_deleted);
}

TEST(ObjectInfoTest, knows_links) {
  EXPECT_EQ(decode_object_info(R"({"name":"a","options":{"link":{"bucket":"other","name":"b"}}})")->link, "other/b");
  EXPECT_EQ(decode_object_info(R"({"name":"a","options":{"link":{"bucket":"other"}}})")->link, "other");
}

TEST(ObjectInfoTest, refuses_what_is_none) {
  for (const auto* const text :
       {"", "[]", "{}", R"({"name":1})", R"({"name":"a","size":-1})", R"({"name":"a","nuid":">"})",
        R"({"name":"a","nuid":"a.b"})", R"({"name":"a","nuid":"*"})", R"({"name":"a","chunks":1})"}) {
    EXPECT_NE(why(decode_object_info(text)), "(fine)") << text;
  }
  EXPECT_NE(why(decode_object_info(R"({"name":"a","nuid":")" + std::string(65, 'n') + "\"}")), "(fine)");
  EXPECT_THAT(why(decode_object_info(std::string(kMaxInfoBytes + 1, ' '))), HasSubstr("too long"));
}

TEST(ObjectInfoTest, digests_are_base64_for_urls) {
  const auto hash = wire::sha256("abc");
  const std::string_view bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
  EXPECT_EQ(digest_text(bytes), "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
  EXPECT_TRUE(is_digest("SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", bytes));
  EXPECT_FALSE(is_digest("SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa1=", bytes));
  EXPECT_FALSE(is_digest("MD5=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=", bytes));
}

TEST(ObjectSubjectsTest, names_become_tokens) {
  const auto subjects = ObjectSubjects::make("box");
  ASSERT_TRUE(subjects);
  EXPECT_EQ(subjects->stream(), "OBJ_box");
  EXPECT_EQ(subjects->chunks("abc"), "$O.box.C.abc");
  EXPECT_EQ(subjects->info("a/b.c"), "$O.box.M.YS9iLmM=");
  EXPECT_EQ(subjects->name_of("$O.box.M.YS9iLmM="), "a/b.c");
  for (const auto* const subject :
       {"$O.box.M.", "$O.box.M.YS9iLmM", "$O.other.M.YS9iLmM=", "$O.box.M._w==", "$O.box.M.YS9iLmM\xbd", "x"}) {
    EXPECT_FALSE(subjects->name_of(subject)) << subject;
  }
  EXPECT_TRUE(ObjectSubjects::make(std::string(200, 'x')));
  for (const auto& name : {std::string(), std::string("a.b"), std::string("a b"), std::string(201, 'x')}) {
    EXPECT_FALSE(ObjectSubjects::make(name)) << name;
  }
}

std::string fault(const ConfigMap& link, const ConfigMap& provider = {}) {
  const auto settings = Settings::parse(provider, link);
  return settings ? "(fine)" : settings.error().to_string();
}

TEST(ObjectSettingsTest, has_wasmclouds_keys_and_defaults) {
  auto settings = Settings::parse({}, {});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->access.urls, std::vector<std::string>{"nats://0.0.0.0:4222"});
  EXPECT_EQ(settings->write_wait, std::chrono::seconds(30));
  EXPECT_FALSE(settings->stream.is_in_memory);
  EXPECT_FALSE(settings->stream.is_compressed);
  EXPECT_EQ(settings->stream.replicas, 1);
  EXPECT_EQ(settings->stream.max_age, std::chrono::seconds(0));
  settings = Settings::parse({{"max_age", "7"}, {"num_replicas", "2"}}, {{"storage_type", "1"},
                                                                         {"num_replicas", "3"},
                                                                         {"compression", "true"},
                                                                         {"max_write_wait", "5"},
                                                                         {"cluster_uri", "somewhere:4223"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->access.urls, std::vector<std::string>{"nats://somewhere:4223"});
  EXPECT_TRUE(settings->stream.is_in_memory);
  EXPECT_TRUE(settings->stream.is_compressed);
  EXPECT_EQ(settings->stream.replicas, 3);
  EXPECT_EQ(settings->stream.max_age, std::chrono::seconds(7));
  EXPECT_EQ(settings->write_wait, std::chrono::seconds(5));
  const auto stream = ObjectSubjects::make("box")->encode_stream(settings->stream);
  EXPECT_THAT(stream, HasSubstr(R"("compression":"s2")"));
  EXPECT_THAT(stream, HasSubstr(R"("storage":"memory")"));
  EXPECT_THAT(stream, HasSubstr(R"("max_age":7000000000)"));
}

TEST(ObjectSettingsTest, names_what_is_wrong) {
  EXPECT_THAT(fault({{"storage_type", "tape"}}), HasSubstr("storage_type"));
  EXPECT_THAT(fault({{"num_replicas", "6"}}), HasSubstr("from 1 to 5"));
  EXPECT_THAT(fault({{"compression", "yes"}}), HasSubstr("compression"));
  EXPECT_THAT(fault({{"max_age", "-1"}}), HasSubstr("max_age"));
  EXPECT_THAT(fault({{"max_write_wait", "0"}}), HasSubstr("max_write_wait"));
  EXPECT_THAT(fault({{"client_jwt", "x"}}), HasSubstr("client_seed"));
}

}  // namespace
}  // namespace weft::builtins::blobstore_nats
