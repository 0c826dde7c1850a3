// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/spied_text.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

wire::SpiedCall call() {
  return {.number = 1,
          .time = "2026-11-20T21:21:11.865985051Z",
          .nanoseconds = 12'340,
          .way = wire::CallWay::here,
          .source = "shop",
          .link_name = "default",
          .target = "cart",
          .interface = "acme:shop/cart@1.0.0",
          .function = "add",
          .params = {.text = R"(item: "tea")", .bytes = 4},
          .results = {.text = "ok", .bytes = 1},
          .error = {},
          .http = {}};
}

TEST(SpiedTextTest, a_call_is_who_what_and_how_long) {
  EXPECT_EQ(spied_text(call()), R"(21:21:11.865 shop -> cart acme:shop/cart@1.0.0#add(item: "tea") => ok [12.3 us])");
  auto silent = call();
  silent.results = {};
  silent.nanoseconds = 2'500'000'000;
  EXPECT_EQ(spied_text(silent), R"(21:21:11.865 shop -> cart acme:shop/cart@1.0.0#add(item: "tea") [2.50 s])");
}

TEST(SpiedTextTest, failures_streams_and_the_other_end_are_told) {
  auto failed = call();
  failed.results = {};
  failed.error = "the guest trapped";
  failed.way = wire::CallWay::out;
  EXPECT_EQ(spied_text(failed),
            "21:21:11.865 shop -> cart (elsewhere) acme:shop/cart@1.0.0#add(item: \"tea\") "
            "failed: the guest trapped [12.3 us]");
  auto streaming = call();
  streaming.params.streams = 1;
  streaming.results = {.text = {}, .bytes = 0, .streams = 2};
  streaming.way = wire::CallWay::in;
  EXPECT_EQ(spied_text(streaming),
            "21:21:11.865 shop (elsewhere) -> cart acme:shop/cart@1.0.0#add(item: \"tea\", "
            "<a stream>) => <2 streams> [12.3 us]");
}

TEST(SpiedTextTest, a_request_is_its_line_and_its_status) {
  auto request = call();
  request.interface = "wasi:http/incoming-handler";
  request.params = {.text = {}, .bytes = 5};
  request.results = {.text = {}, .bytes = 34};
  request.http = {.method = "POST", .authority = "shop.example", .path = "/cart?x=1", .status = 200};
  EXPECT_EQ(spied_text(request), "21:21:11.865 shop -> cart POST /cart?x=1 (5 bytes) => 200, 34 bytes [12.3 us]");
  request.interface = "wasi:http/outgoing-handler";
  request.error = "the client has left";
  request.http->status = 0;
  EXPECT_EQ(spied_text(request),
            "21:21:11.865 shop -> cart POST shop.example/cart?x=1 (5 bytes) => no answer: the client has left "
            "[12.3 us]");
}

}  // namespace
}  // namespace weft::cli
