// SPDX-License-Identifier: Apache-2.0
#include "guest/outgoing_exchange.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.hpp"
#include "web/framing.hpp"
#include "web/response_writer.hpp"

namespace weft::guest {

using web::HttpFault;

class OutgoingExchange final : public web::Exchange,
                               public engine::OutgoingEvents,
                               public std::enable_shared_from_this<OutgoingExchange> {
 public:
  OutgoingExchange(OutgoingExchanges& owner, async::Shard& shard, std::unique_ptr<engine::OutgoingHttp> request,
                   std::string id, std::uint32_t depth);

  void start(RoutedHttp routed);
  /// The call is over or goes away: the responder learns it at once.
  void disconnect() noexcept;

  [[nodiscard]] const web::RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] web::HttpCaller caller() const noexcept override { return caller_; }
  void read_body() override;
  bool send_head(web::ResponseHead head) override;
  void send_body(std::span<const std::byte> piece) override;
  void finish(std::span<const web::Header> trailers) override;
  void respond(unsigned status, std::span<const web::Header> headers, std::string_view body) override;
  void fail(unsigned status, std::string_view reason) override;
  void fault(HttpFault fault, std::string_view reason) override;

 private:
  void on_wants_body() override;
  void on_body_ready() override { schedule(); }
  void on_cancelled() override;

  void schedule();
  void drive();
  void deliver_body();
  [[nodiscard]] bool gives_body() const noexcept;
  void break_off(std::string_view reason);

  OutgoingExchanges& owner_;
  async::Shard& shard_;
  std::unique_ptr<engine::OutgoingHttp> request_;
  std::string id_;
  web::RequestHead head_;
  web::HttpCaller caller_;
  std::shared_ptr<web::Handler> handler_;  ///< outlives its responder
  std::optional<dispatch::CallMeter> meter_;
  std::unique_ptr<web::Responder> responder_;
  unsigned status_ = 0;
  std::optional<std::uint64_t> length_;  ///< promised by the responder
  std::uint64_t body_bytes_ = 0;
  bool wants_body_ = false;      ///< the responder waits for a piece of the request's body
  bool wants_writable_ = false;  ///< the responder waits for room
  bool guest_wants_ = false;     ///< the guest waits for a piece of the response's body
  bool head_sent_ = false, over_ = false, posted_ = false;
};

OutgoingExchange::OutgoingExchange(OutgoingExchanges& owner, async::Shard& shard,
                                   std::unique_ptr<engine::OutgoingHttp> request, std::string id, std::uint32_t depth)
    : owner_(owner), shard_(shard), request_(std::move(request)), id_(std::move(id)) {
  const auto& head = request_->head();
  head_.method = head.method;
  head_.scheme = head.scheme;
  head_.authority = head.authority;
  head_.path_and_query = head.path_and_query;
  head_.headers.reserve(head.headers.size());
  for (const auto& [name, value] : head.headers) {
    head_.headers.push_back({name, value});
    if (name == "content-length") {
      head_.content_length = web::parse_length(value);
    }
  }
  head_.has_body = head.has_body;
  head_.depth = depth;
  head_.timeouts = {head.connect_timeout, head.first_byte_timeout, head.between_bytes_timeout};
  request_->listen(*this);
}

void OutgoingExchange::start(RoutedHttp routed) {
  handler_ = std::move(routed.handler);
  meter_.emplace(std::move(routed.meter));
  caller_ = routed.caller;
  responder_ = handler_->on_request(*this);
  if (responder_ == nullptr) {
    return fault(HttpFault::internal_error, "nobody answers this request");
  }
  responder_->start();
}

void OutgoingExchange::disconnect() noexcept {
  over_ = true;
  if (auto responder = std::exchange(responder_, nullptr)) {
    responder->on_disconnect();
  }
}

void OutgoingExchange::on_wants_body() {
  guest_wants_ = true;
  schedule();
}

void OutgoingExchange::on_cancelled() {
  // Told while the guest is polled, which its responder may not know of: it learns it in the next turn.
  schedule();
  over_ = true;
  wants_body_ = wants_writable_ = false;
}

void OutgoingExchange::schedule() {
  if (!std::exchange(posted_, true)) {
    shard_.post([weak = weak_from_this()]() noexcept {
      if (const auto self = weak.lock()) {
        self->posted_ = false;
        self->drive();
      }
    });
  }
}

/// Alone calls the responder, so that this is never called from inside its own call.
void OutgoingExchange::drive() {
  if (wants_body_ && !over_) {
    deliver_body();
  }
  if (wants_writable_ && guest_wants_ && !over_) {
    wants_writable_ = false;
    responder_->on_writable();
  }
  if (over_ && !posted_) {
    disconnect();
    owner_.remove(*this);
  }
}

void OutgoingExchange::deliver_body() {
  const auto piece = request_->next_body();
  switch (piece.state) {
    case engine::BodyState::pending:
      return;
    case engine::BodyState::data:
      wants_body_ = false;
      return responder_->on_body(piece.data);
    case engine::BodyState::trailers: {
      wants_body_ = false;
      std::vector<web::HeaderView> trailers;
      trailers.reserve(piece.trailers.size());
      for (const auto& trailer : piece.trailers) {
        trailers.push_back({trailer.name, trailer.value});
      }
      return responder_->on_body_end(trailers);
    }
    case engine::BodyState::end:
      wants_body_ = false;
      return responder_->on_body_end({});
    case engine::BodyState::failed:
      wants_body_ = false;
      return fault(HttpFault::http_protocol_error, "the request's body is not whole");
  }
}

void OutgoingExchange::read_body() {
  if (!over_) {
    wants_body_ = true;
    schedule();
  }
}

bool OutgoingExchange::gives_body() const noexcept {
  return status_ != 204 && status_ != 304 && head_.method != "HEAD";
}

bool OutgoingExchange::send_head(web::ResponseHead head) {
  const auto verdict = web::judge_head(head.status, head.headers);
  if (over_ || head_sent_ || !verdict.valid) {
    return false;
  }
  std::vector<engine::HeaderRef> headers;
  headers.reserve(head.headers.size());
  for (const auto& [name, value] : head.headers) {
    headers.push_back({name, value});
  }
  if (!request_->send_head(static_cast<std::uint16_t>(head.status), headers)) {
    return false;
  }
  status_ = head.status;
  length_ = verdict.length;
  head_sent_ = true;
  return true;
}

void OutgoingExchange::send_body(std::span<const std::byte> piece) {
  if (over_) {
    return;
  }
  if (!head_sent_) {
    return fault(HttpFault::internal_error, "a body was sent before the head");
  }
  wants_writable_ = true;
  body_bytes_ += piece.size();
  if (!gives_body() || piece.empty()) {
    guest_wants_ = true;
    return schedule();
  }
  if (length_ && body_bytes_ > *length_) {
    return break_off("the response is longer than its Content-Length");
  }
  guest_wants_ = false;
  request_->push_body(piece);
}

void OutgoingExchange::finish(std::span<const web::Header> trailers) {
  if (over_) {
    return;
  }
  if (!head_sent_) {
    return fault(HttpFault::internal_error, "the response was ended before its head");
  }
  if (length_ && gives_body() && body_bytes_ != *length_) {
    return break_off("the response is shorter than its Content-Length");
  }
  std::vector<engine::HeaderRef> refs;
  refs.reserve(trailers.size());
  for (const auto& [name, value] : trailers) {
    if (web::is_token(name) && web::is_field_value(value)) {
      refs.push_back({name, value});
    }
  }
  request_->end_body(refs);
  meter_->end(false);
  over_ = true;
  schedule();
}

void OutgoingExchange::respond(unsigned status, std::span<const web::Header> headers, std::string_view body) {
  if (over_ || head_sent_) {
    return;
  }
  if (!send_head({.status = status, .headers = {headers.begin(), headers.end()}})) {
    return fault(HttpFault::internal_error, "the response head is not valid");
  }
  if (!gives_body() || body.empty()) {
    length_.reset();
  } else {
    send_body(std::as_bytes(std::span(body)));
  }
  finish({});
}

void OutgoingExchange::fail(unsigned /*status*/, std::string_view reason) {
  fault(head_sent_ ? HttpFault::connection_terminated : HttpFault::internal_error, reason);
}

void OutgoingExchange::break_off(std::string_view reason) { fault(HttpFault::http_response_incomplete, reason); }

void OutgoingExchange::fault(HttpFault fault, std::string_view reason) {
  if (!over_) {
    request_->fail(static_cast<std::uint32_t>(fault), reason);
    over_ = true;
    schedule();
  }
}

OutgoingExchanges::OutgoingExchanges(async::Shard& shard, HttpRoute route, std::string id, std::uint32_t depth)
    : shard_(shard), route_(std::move(route)), id_(std::move(id)), depth_(depth) {}

OutgoingExchanges::~OutgoingExchanges() {
  for (const auto& exchange : exchanges_) {
    exchange->disconnect();
  }
}

void OutgoingExchanges::begin(std::unique_ptr<engine::OutgoingHttp> request) {
  const auto exchange = std::make_shared<OutgoingExchange>(*this, shard_, std::move(request),
                                                           id_ + "." + std::to_string(++count_), depth_);
  exchanges_.push_back(exchange);
  // In a turn of its own: a handler may do as it likes, and this is called while the guest's call is polled.
  shard_.post([this, weak = std::weak_ptr(exchange)]() noexcept {
    const auto alive = weak.lock();
    if (alive == nullptr) {
      return;
    }
    if (!route_) {
      return alive->fault(HttpFault::http_request_denied, "the guest is not linked to anybody who sends requests");
    }
    if (depth_ > dispatch::kMaxDepth) {
      return alive->fault(HttpFault::loop_detected,
                          "requests are nested too deep: links lead back to where they began");
    }
    auto handler = route_(alive->request());
    if (!handler) {
      return alive->fault(HttpFault::internal_error, handler.error().to_string());
    }
    alive->start(*std::move(handler));
  });
}

void OutgoingExchanges::remove(OutgoingExchange& exchange) {
  std::erase_if(exchanges_, [&exchange](const auto& one) { return one.get() == &exchange; });
}

}  // namespace weft::guest
