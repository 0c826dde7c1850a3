// SPDX-License-Identifier: Apache-2.0
// The answers are those of nats-server 2.9.10, cut to what matters.
#include "bus/jetstream_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace weft::bus {
namespace {

namespace json = boost::json;

Errc code(const auto& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? Errc::internal : outcome.error().code();
}

TEST(BucketSubjectsTest, names_stream_keys_and_api) {
  const BucketSubjects subjects("LATTICEDATA_default", {});
  EXPECT_EQ(subjects.stream(), "KV_LATTICEDATA_default");
  EXPECT_EQ(subjects.api("STREAM.INFO"), "$JS.API.STREAM.INFO.KV_LATTICEDATA_default");
  EXPECT_EQ(subjects.written("a.b"), "$KV.LATTICEDATA_default.a.b");
  EXPECT_EQ(subjects.key_of("$KV.LATTICEDATA_default.a.b"), "a.b");
  EXPECT_EQ(subjects.key_of("$KV.OTHER.a.b"), "");
}

TEST(BucketSubjectsTest, writes_through_the_api_of_a_domain_and_reads_plain_subjects) {
  const BucketSubjects subjects("b", "hub");
  EXPECT_EQ(subjects.api("STREAM.INFO"), "$JS.hub.API.STREAM.INFO.KV_b");
  EXPECT_EQ(subjects.written("k"), "$JS.hub.API.$KV.b.k");
  EXPECT_EQ(subjects.stored("k"), "$KV.b.k");
}

TEST(JetstreamCodecTest, reads_a_stream) {
  const auto stream = decode_stream(
      R"({"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"KV_b","allow_direct":true},)"
      R"("created":"2026-11-21T12:00:00.1Z","state":{"messages":3,"first_seq":1,"last_seq":7}})");
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream).created, "2026-11-21T12:00:00.1Z");
  EXPECT_EQ((*stream).last_revision, 7U);
  EXPECT_TRUE((*stream).allows_direct);
  EXPECT_EQ(code(decode_stream(R"({"config":{},"state":{}})")), Errc::malformed);
  EXPECT_EQ(code(decode_stream("[]")), Errc::malformed);
  EXPECT_EQ(code(decode_stream("")), Errc::malformed);
}

TEST(JetstreamCodecTest, reads_a_consumer) {
  const auto consumer = decode_consumer(R"({"stream_name":"KV_b","name":"x7","config":{},"num_pending":12})");
  ASSERT_TRUE(consumer);
  EXPECT_EQ((*consumer).name, "x7");
  EXPECT_EQ((*consumer).pending, 12U);
  EXPECT_EQ(code(decode_consumer(R"({"name":"x7"})")), Errc::malformed);
}

TEST(JetstreamCodecTest, reads_an_acknowledgement) {
  EXPECT_EQ(*decode_write(R"({"stream":"KV_b","domain":"hub","seq":41})"), 41U);
  EXPECT_EQ(code(decode_write(R"({"stream":"KV_b"})")), Errc::malformed);
  EXPECT_EQ(code(decode_write(R"({"seq":-1})")), Errc::malformed);
}

TEST(JetstreamCodecTest, tells_the_errors_of_a_server_apart) {
  const auto fault = [](int status, int number, const char* words) {
    return json::serialize(
        json::object{{"error", json::object{{"code", status}, {"err_code", number}, {"description", words}}}});
  };
  EXPECT_EQ(code(decode_write(fault(400, 10071, "wrong last sequence: 5"))), Errc::conflict);
  EXPECT_EQ(code(decode_stream(fault(404, 10059, "stream not found"))), Errc::not_found);
  EXPECT_EQ(code(decode_stream(fault(400, 10058, "stream name already in use"))), Errc::already_exists);
  EXPECT_EQ(code(decode_write(fault(400, 10077, "maximum bytes exceeded"))), Errc::resource_exhausted);
  EXPECT_EQ(code(decode_stream(fault(503, 10008, "JetStream system temporarily unavailable"))), Errc::unavailable);
  const auto off = decode_stream(fault(503, 10039, "JetStream not enabled for account"));
  EXPECT_EQ(code(off), Errc::unavailable);
  EXPECT_THAT(off.error().to_string(), testing::HasSubstr("-js"));
}

TEST(JetstreamCodecTest, reads_where_a_delivery_stands_in_both_forms) {
  for (const auto* reply :
       {"$JS.ACK.KV_b.x7.1.42.3.1770231935000000000.9", "$JS.ACK.hub.ACCHASH.KV_b.x7.1.42.3.1770231935000000000.9",
        "$JS.ACK._.ACCHASH.KV_b.x7.1.42.3.1770231935000000000.9.token"}) {
    const auto position = parse_position(reply);
    ASSERT_TRUE(position) << reply;
    EXPECT_EQ(position->revision, 42U);
    EXPECT_EQ(position->delivery, 3U);
    EXPECT_EQ(position->pending, 9U);
  }
  for (const auto* reply : {"", "$JS.ACK", "$JS.ACK.s.c.1.42.3.1.9.9", "$JS.ACK.s.c.1.x.3.1.9", "_INBOX.a",
                            "$JS.ACK.s.c.1.99999999999999999999999.3.1.9"}) {
    EXPECT_FALSE(parse_position(reply)) << reply;
  }
}

TEST(JetstreamCodecTest, tells_a_marker_from_a_value) {
  Message message;
  EXPECT_EQ(operation_of(message), Operation::put);
  message.headers = {{.name = "KV-Operation", .value = "DEL"}};
  EXPECT_EQ(operation_of(message), Operation::erase);
  message.headers = {{.name = "KV-Operation", .value = "PURGE"}, {.name = "Nats-Rollup", .value = "sub"}};
  EXPECT_EQ(operation_of(message), Operation::purge);
  message.headers = {{.name = "Nats-Marker-Reason", .value = "MaxAge"}};
  EXPECT_EQ(operation_of(message), Operation::purge);
}

TEST(JetstreamCodecTest, asks_for_a_consumer_from_the_start_or_from_a_revision) {
  const BucketSubjects subjects("b", {});
  ConsumerRequest request{
      .deliver_to = "_INBOX.x", .filter = "$KV.b.>", .first_revision = 0, .heartbeat = std::chrono::seconds(2)};
  auto config = json::parse(encode_consumer(subjects, request)).at("config").as_object();
  EXPECT_EQ(config.at("deliver_policy"), "last_per_subject");
  EXPECT_EQ(config.at("idle_heartbeat"), 2'000'000'000);
  EXPECT_EQ(config.at("flow_control"), true);
  request.first_revision = 8;
  request.heartbeat = {};
  config = json::parse(encode_consumer(subjects, request)).at("config").as_object();
  EXPECT_EQ(config.at("deliver_policy"), "by_start_sequence");
  EXPECT_EQ(config.at("opt_start_seq"), 8);
  EXPECT_FALSE(config.contains("idle_heartbeat"));
}

TEST(JetstreamCodecTest, knows_a_bucket_by_its_name) {
  EXPECT_TRUE(check_bucket("CONFIGDATA_my-lattice"));
  for (const auto* name : {"", "a.b", "a b", "a*", "ä"}) EXPECT_EQ(code(check_bucket(name)), Errc::invalid_argument);
}

}  // namespace
}  // namespace weft::bus
