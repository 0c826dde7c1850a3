// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/site_responder.hpp"

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "web/framing.hpp"
#include "web/response_writer.hpp"

namespace weft::builtins::http_server {
namespace {

std::string_view trim(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

/// Shared by the responder and the timer's handler, which may be on its way already when the responder goes.
struct SiteResponder::Overdue {
  Overdue(async::Shard& shard, SiteResponder& responder) : timer(shard.io()), owner(&responder) {}
  boost::asio::steady_timer timer;
  SiteResponder* owner;
};

std::string_view forwarded_authority(const web::RequestHead& request) noexcept {
  const auto* const forwarded = find_header(request, "x-forwarded-host");
  if (forwarded == nullptr) return {};
  const auto* const host = find_header(request, "host");
  if (host != nullptr && *host != request.authority) return {};  // the target was absolute
  const auto authority = trim(forwarded->substr(0, forwarded->find(',')));
  return web::is_authority(authority) ? authority : std::string_view();
}

SiteResponder::SiteResponder(web::Exchange& session, SharedSite site, std::string_view provider,
                             std::shared_ptr<dispatch::Target> target, web::Handler& handler, dispatch::CallMeter meter)
    : session_(session),
      site_(std::move(site)),
      policy_(site_->policy.get()),
      provider_(provider),
      target_(std::move(target)),
      meter_(std::move(meter)) {
  if (const auto authority = forwarded_authority(session.request()); !authority.empty()) {
    request_ = session.request();
    request_->authority = authority;
  }
  answer_ = handler.on_request(*this);
}

SiteResponder::~SiteResponder() {
  stop_waiting();
  meter_.end(failed_);
}

void SiteResponder::start() {
  if (!answer_) return answer_failure(500, "nobody answers this request");
  if (policy_->head_timeout.count() > 0) wait_for_head();
  answer_->start();
}

void SiteResponder::on_body(std::span<const std::byte> piece) {
  if (answer_) answer_->on_body(piece);
}

void SiteResponder::on_body_end(std::span<const web::HeaderView> trailers) {
  if (answer_) answer_->on_body_end(trailers);
}

void SiteResponder::on_writable() {
  if (answer_) answer_->on_writable();
}

void SiteResponder::on_disconnect() {
  stop_waiting();
  if (answer_) answer_->on_disconnect();
}

const web::RequestHead& SiteResponder::request() const noexcept { return request_ ? *request_ : session_.request(); }

bool SiteResponder::send_head(web::ResponseHead head) {
  decorate(head.headers);
  if (!session_.send_head(std::move(head))) return false;
  head_sent_ = true;
  stop_waiting();
  return true;
}

void SiteResponder::respond(unsigned status, std::span<const web::Header> headers, std::string_view body) {
  std::vector<web::Header> decorated(headers.begin(), headers.end());
  decorate(decorated);
  head_sent_ = true;
  stop_waiting();
  session_.respond(status, decorated, body);
}

void SiteResponder::fail(unsigned status, std::string_view reason) {
  stop_waiting();
  failed_ = true;
  if (head_sent_ || !policy_->cors) return session_.fail(status, reason);
  answer_failure(status, reason);
}

void SiteResponder::fault(web::HttpFault fault, std::string_view reason) {
  stop_waiting();
  failed_ = true;
  if (head_sent_ || !policy_->cors) return session_.fault(fault, reason);
  answer_failure(web::to_status(fault), reason);
}

void SiteResponder::answer_failure(unsigned status, std::string_view reason) {
  failed_ = true;
  std::string body;
  const auto* const accept = find_header(session_.request(), "accept");
  auto head = web::make_error(status, reason, id(), accept == nullptr ? std::string_view() : *accept, body);
  // Without these a page could not even see that something failed.
  if (policy_->cors) policy_->cors->decorate(session_.request(), head.headers);
  head_sent_ = true;
  session_.respond(head.status, head.headers, body);
}

void SiteResponder::decorate(std::vector<web::Header>& headers) const {
  if (policy_->cors) policy_->cors->decorate(session_.request(), headers);
  if (!policy_->cache_control.empty()) headers.push_back({"cache-control", policy_->cache_control});
}

void SiteResponder::wait_for_head() {
  overdue_ = std::make_shared<Overdue>(session_.shard(), *this);
  overdue_->timer.expires_after(policy_->head_timeout);
  overdue_->timer.async_wait([overdue = overdue_](const boost::system::error_code& /*error*/) {
    if (overdue->owner != nullptr) overdue->owner->on_overdue();
  });
}

void SiteResponder::stop_waiting() noexcept {
  if (!overdue_) return;
  overdue_->owner = nullptr;
  overdue_->timer.cancel();
  overdue_.reset();
}

void SiteResponder::on_overdue() {
  stop_waiting();
  answer_->on_disconnect();
  answer_.reset();
  answer_failure(408, "the component did not answer in time");
}

FixedResponder::FixedResponder(web::Exchange& session, unsigned status, std::vector<web::Header> headers,
                               std::string body)
    : session_(session), status_(status), headers_(std::move(headers)), body_(std::move(body)) {
  if (!body_.empty()) {
    headers_.push_back({"content-type", "text/plain; charset=utf-8"});
    body_.push_back('\n');
  }
}

}  // namespace weft::builtins::http_server
