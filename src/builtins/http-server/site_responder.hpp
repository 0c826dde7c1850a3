// SPDX-License-Identifier: Apache-2.0
/// One request on its way between the session and the component that answers it. Keeps the target until the request is
/// over, so that a component which is replaced meanwhile ends what it began. It stands before the session as an
/// Exchange of its own: counts the request on the site's link, adds headers to the answer, bounds the wait for its
/// head, and shows the authority that a proxy in front was asked for.
///
/// Ownership: by the session, like any Responder; owns the component's. Threads: the connection's shard.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builtins/http-server/site_table.hpp"
#include "dispatch/link_counters.hpp"
#include "dispatch/target.hpp"
#include "web/exchange.hpp"

namespace weft::builtins::http_server {

class SiteResponder final : public web::Responder, private web::Exchange {
 public:
  /// `handler` is the target's; `meter` ends when the request is over, as failed if the component failed.
  /// For the provider of that id, which outlives it.
  SiteResponder(web::Exchange& session, SharedSite site, std::string_view provider,
                std::shared_ptr<dispatch::Target> target, web::Handler& handler, dispatch::CallMeter meter);
  SiteResponder(const SiteResponder&) = delete;
  SiteResponder& operator=(const SiteResponder&) = delete;
  ~SiteResponder() override;

  void start() override;
  void on_body(std::span<const std::byte> piece) override;
  void on_body_end(std::span<const web::HeaderView> trailers) override;
  void on_writable() override;
  void on_disconnect() override;

 private:
  struct Overdue;

  [[nodiscard]] const web::RequestHead& request() const noexcept override;
  [[nodiscard]] async::Shard& shard() noexcept override { return session_.shard(); }
  [[nodiscard]] std::string id() const override { return session_.id(); }
  [[nodiscard]] web::HttpCaller caller() const noexcept override {
    return {.source = provider_, .link_name = site_->link_name};
  }
  void read_body() override { session_.read_body(); }
  bool send_head(web::ResponseHead head) override;
  void send_body(std::span<const std::byte> piece) override { session_.send_body(piece); }
  void finish(std::span<const web::Header> trailers) override { session_.finish(trailers); }
  void respond(unsigned status, std::span<const web::Header> headers, std::string_view body) override;
  void fail(unsigned status, std::string_view reason) override;
  void fault(web::HttpFault fault, std::string_view reason) override;

  void wait_for_head();
  void stop_waiting() noexcept;
  void on_overdue();
  void decorate(std::vector<web::Header>& headers) const;
  void answer_failure(unsigned status, std::string_view reason);

  web::Exchange& session_;
  SharedSite site_;
  const Policy* policy_;  ///< the site's
  std::string_view provider_;
  std::shared_ptr<dispatch::Target> target_;  ///< outlives answer_
  std::optional<web::RequestHead> request_;   ///< if it differs from the session's
  std::shared_ptr<Overdue> overdue_;          ///< while the head is waited for
  std::unique_ptr<web::Responder> answer_;    ///< null when there was none, or it came too late
  bool head_sent_ = false;
  bool failed_ = false;
  dispatch::CallMeter meter_;
};

/// An answer that no component gives.
class FixedResponder final : public web::BodilessResponder {
 public:
  FixedResponder(web::Exchange& session, unsigned status, std::vector<web::Header> headers, std::string body);

  void start() override { session_.respond(status_, headers_, body_); }

 private:
  web::Exchange& session_;
  unsigned status_;
  std::vector<web::Header> headers_;
  std::string body_;
};

/// The authority that X-Forwarded-Host gives, where it counts: when the request's target has none of its own
/// (data-plane facts 5.2). Empty: keep what there is. Of a list, which proxies make one by one, the first.
[[nodiscard]] std::string_view forwarded_authority(const web::RequestHead& request) noexcept;

}  // namespace weft::builtins::http_server
