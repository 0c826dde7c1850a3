// SPDX-License-Identifier: Apache-2.0
// What stands between the session and the component passes on all that the component says.
#include "builtins/http-server/site_responder.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace weft::builtins::http_server {
namespace {

/// A session that tells a fault from a failure, as that of a guest does.
class FakeSession final : public web::Exchange {
 public:
  [[nodiscard]] const web::RequestHead& request() const noexcept override { return request_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return "7"; }
  void read_body() override {}
  bool send_head(web::ResponseHead head) override {
    status = head.status;
    return true;
  }
  void send_body(std::span<const std::byte> /*piece*/) override {}
  void finish(std::span<const web::Header> /*trailers*/) override {}
  void respond(unsigned number, std::span<const web::Header> headers, std::string_view /*body*/) override {
    status = number;
    headers_sent.assign(headers.begin(), headers.end());
  }
  void fail(unsigned number, std::string_view /*reason*/) override { failed = number; }
  void fault(web::HttpFault kind, std::string_view why) override {
    told = kind;
    reason = why;
  }

  unsigned status = 0, failed = 0;
  std::vector<web::Header> headers_sent;
  std::optional<web::HttpFault> told;
  std::string reason;

 private:
  async::Shard shard_{0};
  web::RequestHead request_{.method = "GET",
                            .scheme = "http",
                            .authority = "shop.test",
                            .path_and_query = "/",
                            .headers = {},
                            .content_length = {},
                            .has_body = false,
                            .remote_address = {},
                            .timeouts = {}};
};

/// Fails at once, or after the head.
class FaultyHandler final : public web::Handler {
 public:
  explicit FaultyHandler(bool sends_head) : sends_head_(sends_head) {}
  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    return std::make_unique<Answer>(exchange, sends_head_);
  }

 private:
  class Answer final : public web::BodilessResponder {
   public:
    Answer(web::Exchange& exchange, bool sends_head) : exchange_(exchange), sends_head_(sends_head) {}
    void start() override {
      if (sends_head_) static_cast<void>(exchange_.send_head({.status = 200, .headers = {}}));
      exchange_.fault(web::HttpFault::dns_timeout, "no name server");
    }

   private:
    web::Exchange& exchange_;
    bool sends_head_;
  };
  bool sends_head_;
};

SharedSite site_with(const Policy& policy) {
  return std::make_shared<const Site>(
      Site{.component = "shop", .link_name = "default", .place = "", .policy = std::make_shared<const Policy>(policy)});
}

void answer(FakeSession& session, const Policy& policy, bool sends_head = false) {
  FaultyHandler handler(sends_head);
  SiteResponder responder(session, site_with(policy), "web", nullptr, handler, {});
  responder.start();
}

TEST(SiteResponderTest, passes_a_fault_on_as_it_is) {
  FakeSession session;
  answer(session, {.cors = {}, .cache_control = "no-store"});
  EXPECT_EQ(session.told, web::HttpFault::dns_timeout);
  EXPECT_EQ(session.reason, "no name server");
  EXPECT_EQ(session.failed, 0U);
}

TEST(SiteResponderTest, a_fault_after_the_head_is_passed_on_too) {
  FakeSession session;
  answer(session, {.cors = Cors({}), .cache_control = {}}, true);
  EXPECT_EQ(session.status, 200U);
  EXPECT_EQ(session.told, web::HttpFault::dns_timeout);
}

TEST(SiteResponderTest, a_page_can_read_that_there_was_a_fault) {
  FakeSession session;
  answer(session, {.cors = Cors({}), .cache_control = {}});
  EXPECT_EQ(session.status, 504U);
  EXPECT_FALSE(session.told);
  bool is_open = false;
  for (const auto& header : session.headers_sent) is_open = is_open || header.name == "access-control-allow-origin";
  EXPECT_TRUE(is_open);
}

TEST(SiteResponderTest, a_request_is_counted_when_it_is_over) {
  class WellHandler final : public web::Handler {
   public:
    std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
      return std::make_unique<FixedResponder>(exchange, 200, std::vector<web::Header>(), "");
    }
  };
  dispatch::LinkSlot slot;
  const auto counted = [&slot] {
    dispatch::CallFigures figures;
    slot.add_to(figures);
    return std::pair(figures.calls, figures.errors);
  };
  const auto serve = [&](web::Handler& handler) {
    FakeSession session;
    dispatch::CallMeter meter;
    meter.begin(slot.get(), dispatch::CallMeter::Clock::now());
    SiteResponder responder(session, site_with({}), "web", nullptr, handler, std::move(meter));
    const auto before = counted();
    responder.start();
    EXPECT_EQ(counted(), before) << "the session still holds it";
  };
  WellHandler well;
  serve(well);
  EXPECT_EQ(counted(), std::pair(std::uint64_t{1}, std::uint64_t{0}));
  FaultyHandler ill(false);
  serve(ill);
  EXPECT_EQ(counted(), std::pair(std::uint64_t{2}, std::uint64_t{1}));
}

}  // namespace
}  // namespace weft::builtins::http_server
