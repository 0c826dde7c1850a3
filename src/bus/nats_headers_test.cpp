// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace weft::bus {
namespace {

std::string show(std::string_view block) {
  const auto headers = parse_headers(block);
  if (!headers) return "(none)";
  std::string all;
  for (const auto& header : *headers) all += header.name + "=" + header.value + ";";
  return all;
}

TEST(NatsHeadersTest, reads_names_and_values_in_order) {
  EXPECT_EQ(show("NATS/1.0\r\nb: 2\r\na:1\r\nb:  3 \r\n\r\n"), "b=2;a=1;b=3;");
  EXPECT_EQ(show("NATS/1.0\r\nurl: nats://x:1\r\n\r\n"), "url=nats://x:1;");
  EXPECT_EQ(show("NATS/1.0\r\n\r\n"), "");
}

TEST(NatsHeadersTest, reads_headers_without_a_value) {
  EXPECT_EQ(show("NATS/1.0\r\ntracestate: \r\nsource-id: a\r\n\r\n"), "tracestate=;source-id=a;");
  EXPECT_EQ(show("NATS/1.0\r\nsource-id: a\r\ntracestate:\r\n\r\n"), "source-id=a;tracestate=;");
}

TEST(NatsHeadersTest, reads_the_status_line) {
  EXPECT_EQ(show("NATS/1.0 503\r\n\r\n"), "Status=503;");
  EXPECT_EQ(show("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 3\r\n\r\n"),
            "Status=100;Description=Idle Heartbeat;Nats-Last-Consumer=3;");
}

TEST(NatsHeadersTest, joins_folded_lines) { EXPECT_EQ(show("NATS/1.0\r\na: 1\r\n  2\r\n\t3\r\n\r\n"), "a=1 2 3;"); }

TEST(NatsHeadersTest, refuses_what_is_no_block) {
  for (const auto* block : {"", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\na: 1\r\n", "NATS/1.0x\r\n\r\n",
                            "HTTP/1.0\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: x\r\n\r\n",
                            "NATS/1.0\r\n folded\r\n\r\n", "NATS/1.0\r\na: 1\r\n\r\nrest"}) {
    EXPECT_EQ(show(block), "(none)") << block;
  }
}

}  // namespace
}  // namespace weft::bus
