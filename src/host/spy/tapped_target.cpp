// SPDX-License-Identifier: Apache-2.0
#include "host/spy/tapped_target.hpp"

#include <utility>

#include "guest/component_call.hpp"

namespace weft::host {
namespace {

using Clock = std::chrono::steady_clock;

/// What links call a request, whatever it is on the wire.
constexpr std::string_view kIncomingHandler = "wasi:http/incoming-handler";
constexpr std::string_view kOutgoingHandler = "wasi:http/outgoing-handler";
constexpr std::string_view kHandle = "handle";

SeenCall seen_call(wire::CallWay way, std::string_view source, std::string_view link_name, std::string_view target,
                   std::string_view interface, std::string_view function) {
  SeenCall call;
  call.way = way;
  call.source = source;
  call.link_name = link_name;
  call.target = target;
  call.interface = interface;
  call.function = function;
  return call;
}

/// A call that is looked at: told to the tap once, when it has ended or is given up.
class Sighting {
 public:
  Sighting(std::shared_ptr<TapShard> tap, const TapSettings& settings, SeenCall call)
      : tap_(std::move(tap)), max_bytes_(settings.max_bytes), call_(std::move(call)) {
    call_.began = std::chrono::system_clock::now();
  }
  ~Sighting() { failed("the caller has given it up"); }
  Sighting(const Sighting&) = delete;
  Sighting& operator=(const Sighting&) = delete;

  [[nodiscard]] SeenCall& call() noexcept { return call_; }
  [[nodiscard]] std::size_t max_bytes() const noexcept { return max_bytes_; }
  void ended() {
    if (!std::exchange(is_told_, true)) {
      call_.took = Clock::now() - began_;
      tap_->tell(std::move(call_));
    }
  }
  void failed(std::string_view why) {
    if (!is_told_) {
      call_.error = why;
      ended();
    }
  }

 private:
  std::shared_ptr<TapShard> tap_;
  std::size_t max_bytes_;
  SeenCall call_;
  Clock::time_point began_ = Clock::now();
  bool is_told_ = false;
};

/// A watched call: the callee's handler, and the caller's pending call.
class TappedCall final : public dispatch::PendingCall, public dispatch::CallHandler, public guest::CallStatsTaker {
 public:
  TappedCall(std::shared_ptr<TapShard> tap, const TapSettings& settings, SeenCall call, dispatch::CallHandler& handler)
      : sighting_(std::move(tap), settings, std::move(call)), handler_(handler) {}

  void begin(dispatch::Target& target, async::Shard& shard, const dispatch::Invocation& invocation) {
    sighting_.call().params.keep(invocation.params, sighting_.max_bytes());
    sighting_.call().params.streams = invocation.channels == nullptr ? 0 : invocation.channels->size();
    auto pending = target.invoke(shard, invocation, *this);
    if (!is_over_) {
      pending_ = std::move(pending);
    }
  }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

 private:
  // The caller may destroy this from inside of what it is told: that is the last that is done.
  void on_results(std::span<const std::byte> results) override {
    see(results, 0);
    handler_.on_results(results);
  }
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) override {
    see(results, channels.size());
    handler_.on_streamed_results(results, std::move(channels));
  }
  void on_error(Error error) override {
    fail(error);
    handler_.on_error(std::move(error));
  }
  void on_not_served(Error error) override {
    fail(error);
    handler_.on_not_served(std::move(error));
  }
  void take_stats(const CallStats& stats) override {
    if (auto* const taker = dynamic_cast<guest::CallStatsTaker*>(&handler_)) {
      taker->take_stats(stats);
    }
  }

  void see(std::span<const std::byte> results, std::size_t streams) {
    is_over_ = true;
    sighting_.call().results.keep(results, sighting_.max_bytes());
    sighting_.call().results.streams = streams;
    sighting_.ended();
  }
  void fail(const Error& error) {
    is_over_ = true;
    sighting_.failed(error.to_string());
  }

  Sighting sighting_;
  dispatch::CallHandler& handler_;
  bool is_over_ = false;
  std::unique_ptr<dispatch::PendingCall> pending_;
};

/// A watched request: whoever answers has this for its exchange, and the session has it for its responder.
class TappedRequest final : public web::Responder, private web::Exchange {
 public:
  TappedRequest(std::shared_ptr<TapShard> tap, const TapSettings& settings, SeenCall call, web::Exchange& session)
      : sighting_(std::move(tap), settings, std::move(call)), session_(session) {}

  /// False: nobody answers.
  bool begin(web::Handler& handler) {
    const auto& request = session_.request();
    sighting_.call().http = wire::SpiedHttp{.method = std::string(request.method),
                                            .authority = std::string(request.authority),
                                            .path = std::string(request.path_and_query),
                                            .status = 0};
    answer_ = handler.on_request(*this);
    return answer_ != nullptr;
  }

  void start() override { answer_->start(); }
  void on_body(std::span<const std::byte> piece) override {
    sighting_.call().params.size += piece.size();
    answer_->on_body(piece);
  }
  void on_body_end(std::span<const web::HeaderView> trailers) override { answer_->on_body_end(trailers); }
  void on_writable() override { answer_->on_writable(); }
  void on_disconnect() override {
    sighting_.failed("the client has left");
    answer_->on_disconnect();
  }

 private:
  [[nodiscard]] const web::RequestHead& request() const noexcept override { return session_.request(); }
  [[nodiscard]] async::Shard& shard() noexcept override { return session_.shard(); }
  [[nodiscard]] std::string id() const override { return session_.id(); }
  [[nodiscard]] web::HttpCaller caller() const noexcept override { return session_.caller(); }
  void read_body() override { session_.read_body(); }

  bool send_head(web::ResponseHead head) override {
    const auto status = head.status;
    const bool is_sent = session_.send_head(std::move(head));
    if (is_sent) {
      set_status(status);
    }
    return is_sent;
  }
  void send_body(std::span<const std::byte> piece) override {
    sighting_.call().results.size += piece.size();
    session_.send_body(piece);
  }
  void finish(std::span<const web::Header> trailers) override {
    sighting_.ended();
    session_.finish(trailers);
  }
  void respond(unsigned status, std::span<const web::Header> headers, std::string_view body) override {
    set_status(status);
    sighting_.call().results.size += body.size();
    sighting_.ended();
    session_.respond(status, headers, body);
  }
  void fail(unsigned status, std::string_view reason) override {
    if (!has_status_) {
      set_status(status);
    }
    sighting_.failed(reason);
    session_.fail(status, reason);
  }
  void fault(web::HttpFault fault, std::string_view reason) override {
    if (!has_status_) {
      set_status(web::to_status(fault));
    }
    sighting_.failed(reason);
    session_.fault(fault, reason);
  }

  void set_status(unsigned status) {
    has_status_ = true;
    if (auto& http = sighting_.call().http) {
      http->status = static_cast<std::uint16_t>(status);
    }
  }

  Sighting sighting_;
  web::Exchange& session_;
  bool has_status_ = false;
  std::unique_ptr<web::Responder> answer_;
};

}  // namespace

TappedTarget::TappedTarget(const CallTap& tap, std::shared_ptr<dispatch::Target> target, wire::CallWay way)
    : TargetInFront(std::move(target)), tap_(tap), way_(way) {}

std::unique_ptr<dispatch::PendingCall> TappedTarget::invoke(async::Shard& shard, const dispatch::Invocation& invocation,
                                                            dispatch::CallHandler& handler) {
  const auto& tap = tap_.on(shard);
  if (tap->is_off()) [[likely]] {
    return behind()->invoke(shard, invocation, handler);
  }
  const auto& context = invocation.context;
  const auto* const settings = tap->wants(context.source, id(), invocation.interface, invocation.function);
  if (settings == nullptr) {
    return behind()->invoke(shard, invocation, handler);
  }
  auto call = std::make_unique<TappedCall>(
      tap, *settings,
      seen_call(way_, context.source, context.link_name, id(), invocation.interface, invocation.function), handler);
  call->begin(*behind(), shard, invocation);
  if (call->is_over()) {
    return nullptr;
  }
  return call;
}

std::unique_ptr<web::Responder> TappedTarget::on_request(web::Exchange& exchange) {
  const auto& tap = tap_.on(exchange.shard());
  if (tap->is_off()) [[likely]] {
    return behind()->http()->on_request(exchange);
  }
  const auto caller = exchange.caller();
  const std::string_view interface = caller.sends_out ? kOutgoingHandler : kIncomingHandler;
  const auto* const settings = tap->wants(caller.source, id(), interface, kHandle);
  if (settings == nullptr) {
    return behind()->http()->on_request(exchange);
  }
  auto request = std::make_unique<TappedRequest>(
      tap, *settings, seen_call(way_, caller.source, caller.link_name, id(), interface, kHandle), exchange);
  if (!request->begin(*behind()->http())) {
    return nullptr;
  }
  return request;
}

}  // namespace weft::host
