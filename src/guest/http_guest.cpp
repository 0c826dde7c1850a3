// SPDX-License-Identifier: Apache-2.0
#include "guest/http_guest.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <latch>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "engine/call.hpp"

namespace weft::guest {
namespace {

using Clock = std::chrono::steady_clock;

/// How late a deadline may be noticed.
constexpr std::chrono::milliseconds kDeadlineGrain{10};

}  // namespace

class GuestResponder;

/// One request's call of the guest. Lives until the guest has ended and the response is over, whichever is later, or
/// until it is cancelled.
class HttpGuest final : public engine::CallEvents, private Permits::Waiter {
 public:
  HttpGuest(ShardGuests& owner, web::Exchange& exchange, Clock::time_point deadline);
  ~HttpGuest();
  HttpGuest(const HttpGuest&) = delete;
  HttpGuest& operator=(const HttpGuest&) = delete;

  /// Who holds a pointer at this.
  void set_responder(GuestResponder& responder) noexcept { responder_ = &responder; }
  void start();
  void on_body(std::span<const std::byte> piece);
  void on_body_end(std::span<const web::HeaderView> trailers);
  void on_writable();
  /// The session no longer needs an answer: it has been sent whole.
  void exchange_over() noexcept;
  /// The client has left: cancels the guest. Destroys *this.
  void client_gone();
  void deadline_passed();
  /// The component goes: 503, unless the answer is under way.
  void component_gone();

  [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }

  std::list<std::unique_ptr<HttpGuest>>::iterator place;  ///< in the owner's list

 private:
  enum class Permit : std::uint8_t { none, awaited, held };

  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override;
  void on_polled(engine::Polled polled) override;
  void on_log(std::uint32_t stream, std::string_view line) override;
  void on_permit() override;
  void run();
  void on_stream(const engine::StreamEvent& event) override { imports_.on_stream(event); }
  void on_http(std::unique_ptr<engine::OutgoingHttp> request) override;
  void send_head();
  void pump();
  void send(const engine::BodyPiece& piece);
  void guest_ended();
  void fail(unsigned status, std::string_view reason);
  void log_error(const Error& error) const;
  void release_if_over();

  ShardGuests& owner_;
  web::Exchange* exchange_;
  std::string id_;
  Clock::time_point began_ = Clock::now();
  Clock::time_point deadline_;
  GuestResponder* responder_ = nullptr;
  Permit permit_ = Permit::none;
  std::unique_ptr<engine::Call> call_;
  GuestImports imports_;                   ///< dies before the call
  std::optional<engine::BodyPiece> held_;  ///< the piece after the one that is being written
  bool head_sent_ = false;
  bool writing_ = false;
  bool answered_ = false;
  bool ended_ = false;
  bool failed_ = false;         ///< the guest has
  bool answer_failed_ = false;  ///< something else was sent in its answer's place
};

/// What a session holds: a pointer at the call, severed from whichever side ends first.
class GuestResponder final : public web::Responder {
 public:
  explicit GuestResponder(HttpGuest& guest) : guest_(&guest) { guest.set_responder(*this); }
  ~GuestResponder() override {
    if (guest_ != nullptr) {
      guest_->exchange_over();
    }
  }
  GuestResponder(const GuestResponder&) = delete;
  GuestResponder& operator=(const GuestResponder&) = delete;

  void sever() noexcept { guest_ = nullptr; }

  void start() override { guest_->start(); }
  void on_body(std::span<const std::byte> piece) override {
    if (guest_ != nullptr) guest_->on_body(piece);
  }
  void on_body_end(std::span<const web::HeaderView> trailers) override {
    if (guest_ != nullptr) guest_->on_body_end(trailers);
  }
  void on_writable() override {
    if (guest_ != nullptr) guest_->on_writable();
  }
  void on_disconnect() override;

 private:
  HttpGuest* guest_;
};

/// The calls of one component on one shard.
class ShardGuests {
 public:
  ShardGuests(HttpGuests& all, async::Shard& shard) : all_(all), shard_(shard), timer_(shard.io()) {}

  [[nodiscard]] HttpGuests& all() noexcept { return all_; }
  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] InterfaceCounters& counters() noexcept { return counters_; }

  /// Made at the first request, on the shard.
  engine::Lane& lane() {
    if (!lane_) {
      lane_.emplace(all_.component().deployment());
    }
    return *lane_;
  }

  HttpGuest& add(web::Exchange& exchange) {
    const auto timeout = all_.component().config().limits.timeout;
    const auto deadline = timeout.count() == 0 ? Clock::time_point::max() : Clock::now() + timeout;
    auto& guest = *guests_.emplace_back(std::make_unique<HttpGuest>(*this, exchange, deadline));
    guest.place = std::prev(guests_.end());
    if (!timing_ && timeout.count() != 0) {
      watch();
    }
    return guest;
  }

  /// A call that failed but whose session has yet to let go: behind those that still have a deadline.
  void to_the_end(HttpGuest& guest) { guests_.splice(guests_.end(), guests_, guest.place); }

  void remove(HttpGuest& guest) { guests_.erase(guest.place); }

  void cancel_all() {
    while (!guests_.empty()) {
      guests_.front()->component_gone();
      remove(*guests_.front());
    }
    timer_.cancel();
    lane_.reset();
  }

 private:
  /// All calls here have the same time to run, so the first in the list is the first to be late.
  void watch() {
    timing_ = true;
    timer_.expires_after(kDeadlineGrain);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) {
        return;
      }
      const auto now = Clock::now();
      while (!guests_.empty() && guests_.front()->deadline() <= now) {
        guests_.front()->deadline_passed();
      }
      timing_ = false;
      if (!guests_.empty()) {
        watch();
      }
    });
  }

  HttpGuests& all_;
  async::Shard& shard_;
  boost::asio::steady_timer timer_;
  bool timing_ = false;
  InterfaceCounters counters_;
  std::optional<engine::Lane> lane_;
  std::list<std::unique_ptr<HttpGuest>> guests_;  ///< in the order they began; dies before the lane
};

void GuestResponder::on_disconnect() {
  // Dropping the call cancels the guest, even one that computes without end: it is not running now, since this is its
  // shard.
  if (guest_ != nullptr) {
    std::exchange(guest_, nullptr)->client_gone();
  }
}

namespace {

CallScope scope_of(const web::RequestHead& request, Clock::time_point deadline) {
  CallScope scope{.deadline = deadline, .depth = request.depth, .trace_parent = {}, .trace_state = {}};
  for (const auto& header : request.headers) {
    if (header.name == "traceparent") {
      scope.trace_parent = header.value;
    } else if (header.name == "tracestate") {
      // Several are one list (W3C Trace Context 3.3).
      scope.trace_state.append(scope.trace_state.empty() ? "" : ",").append(header.value);
    }
  }
  return scope;
}

}  // namespace

HttpGuest::HttpGuest(ShardGuests& owner, web::Exchange& exchange, Clock::time_point deadline)
    : owner_(owner),
      exchange_(&exchange),
      id_(exchange.id()),
      deadline_(deadline),
      imports_(owner.all().imports(), owner.shard(),
               owner.all().imports() == nullptr ? CallScope{} : scope_of(exchange.request(), deadline)) {}

HttpGuest::~HttpGuest() {
  owner_.counters().ended(Clock::now() - began_, failed_ || answer_failed_);
  switch (permit_) {
    case Permit::none:
      break;
    case Permit::awaited:
      owner_.all().permits().forget(owner_.shard(), *this);
      break;
    case Permit::held:
      owner_.all().permits().leave();
      break;
  }
}

void HttpGuest::start() {
  switch (owner_.all().permits().enter(owner_.shard(), *this)) {
    case Permits::Entry::taken:
      permit_ = Permit::held;
      return run();
    case Permits::Entry::queued:
      permit_ = Permit::awaited;
      return;
    case Permits::Entry::refused:
      ended_ = true;
      return fail(503, "the component has as many calls as it may have");
  }
}

void HttpGuest::on_permit() {
  permit_ = Permit::held;
  if (!ended_) {
    run();
  }
}

void HttpGuest::run() {
  const auto& request = exchange_->request();
  std::vector<engine::HeaderRef> headers;
  headers.reserve(request.headers.size());
  for (const auto& header : request.headers) {
    headers.push_back({header.name, header.value});
  }
  auto call =
      engine::Call::http(owner_.lane(),
                         {.method = request.method,
                          .scheme = request.scheme,
                          .authority = request.authority.empty() ? std::string_view("localhost") : request.authority,
                          .path_and_query = request.path_and_query,
                          .headers = headers,
                          .has_body = request.has_body},
                         owner_.shard(), *this);
  if (!call) {
    ended_ = true;
    log_error(call.error());
    return fail(call.error().code() == Errc::invalid_argument ? 400 : 500, call.error().message());
  }
  call_ = *std::move(call);
  call_->poll_now();
}

void HttpGuest::client_gone() { owner_.remove(*this); }

void HttpGuest::component_gone() {
  if (responder_ != nullptr) {
    responder_->sever();
  }
  if (exchange_ != nullptr && !answered_) {
    fail(503, "the component is being stopped");
  }
}

void HttpGuest::on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) {
  imports_.answer(*call_, token, import, params);
}

void HttpGuest::on_body(std::span<const std::byte> piece) {
  if (!ended_) {
    call_->push_body(piece);
  }
}

void HttpGuest::on_body_end(std::span<const web::HeaderView> trailers) {
  std::vector<engine::HeaderRef> refs;
  refs.reserve(trailers.size());
  for (const auto& trailer : trailers) {
    refs.push_back({trailer.name, trailer.value});
  }
  if (!ended_) {
    call_->end_body(refs);
  }
}

void HttpGuest::on_writable() {
  writing_ = false;
  pump();
}

void HttpGuest::exchange_over() noexcept {
  exchange_ = nullptr;
  responder_ = nullptr;
  release_if_over();
}

void HttpGuest::deadline_passed() {
  const auto timeout = owner_.all().component().config().limits.timeout;
  log_error(Error(Errc::deadline_exceeded, fmt::format("the guest took longer than {} ms", timeout.count()),
                  "raise the limit with --timeout, or look for what the guest waits for", Blame::guest));
  imports_.cancel();
  call_.reset();
  ended_ = true;
  held_.reset();
  if (exchange_ != nullptr && !answered_) {
    fail(504, "the guest took too long");
  }
  // The session's responder may live on for a moment: its end removes this. Until then the deadline must not come
  // again.
  deadline_ = Clock::time_point::max();
  if (exchange_ == nullptr) {
    owner_.remove(*this);
  } else {
    owner_.to_the_end(*this);
  }
}

void HttpGuest::on_polled(engine::Polled polled) {
  if (polled.head && !head_sent_ && exchange_ != nullptr && !answered_) {
    send_head();
  }
  if (polled.wants_body && exchange_ != nullptr && !answered_) {
    exchange_->read_body();
  }
  if (polled.done && !ended_) {
    guest_ended();
  }
  pump();
  release_if_over();
}

void HttpGuest::send_head() {
  auto head = call_->take_head();
  if (!head) {
    log_error(head.error());
    if (const auto fault = call_->head_error(); fault && *fault < web::kHttpFaults) {
      answered_ = true;
      answer_failed_ = true;
      return exchange_->fault(static_cast<web::HttpFault>(*fault), head.error().message());
    }
    return fail(500, head.error().message());
  }
  web::ResponseHead response{.status = head->status, .headers = {}};
  response.headers.reserve(head->headers.size());
  for (const auto& header : head->headers) {
    response.headers.push_back({std::string(header.name), std::string(header.value)});
  }
  if (!exchange_->send_head(std::move(response))) {
    log_error(Error(Errc::malformed,
                    fmt::format("the guest's response head (status {}) is not valid in HTTP", head->status), {},
                    Blame::guest));
    return fail(502, "the guest's response head is not valid");
  }
  head_sent_ = true;
}

/// Moves the response's body. One piece is looked at ahead, so that an end that is there already goes out with the last
/// piece.
void HttpGuest::pump() {
  while (exchange_ != nullptr && head_sent_ && !answered_ && call_ != nullptr) {
    if (!held_) {
      auto piece = call_->next_body();
      if (piece.state == engine::BodyState::pending) {
        return;
      }
      held_ = std::move(piece);
    }
    if (writing_ && held_->state == engine::BodyState::data) {
      return;
    }
    const auto piece = *std::exchange(held_, std::nullopt);
    send(piece);
  }
}

void HttpGuest::send(const engine::BodyPiece& piece) {
  switch (piece.state) {
    case engine::BodyState::data:
      if (!piece.data.empty()) {
        writing_ = true;
        exchange_->send_body(piece.data);
      }
      return;
    case engine::BodyState::trailers: {
      std::vector<web::Header> trailers;
      trailers.reserve(piece.trailers.size());
      for (const auto& trailer : piece.trailers) {
        trailers.push_back({std::string(trailer.name), std::string(trailer.value)});
      }
      answered_ = true;
      return exchange_->finish(trailers);
    }
    case engine::BodyState::end:
      answered_ = true;
      // A guest that failed may not have written all it meant to.
      return failed_ ? fail(500, "the guest failed") : exchange_->finish();
    case engine::BodyState::failed:
    case engine::BodyState::pending:
      log_error(Error(Errc::malformed, "the guest did not finish its response body",
                      "let the guest call outgoing-body.finish with as many bytes as it promised", Blame::guest));
      return fail(502, "the guest did not finish its response");
  }
}

void HttpGuest::guest_ended() {
  ended_ = true;
  auto outcome = call_->outcome();
  if (auto failure = imports_.take_failure(); failure && !outcome) {
    outcome = *std::move(failure);  // says more than the trap that followed from it
  }
  if (!outcome) {
    log_error(outcome.error());
  }
  failed_ = !outcome;
  if (exchange_ == nullptr || answered_ || head_sent_) {
    return;  // what is left of the body follows
  }
  if (outcome) {
    log_error(Error(Errc::malformed, "the guest ended without setting a response", "let it call response-outparam.set",
                    Blame::guest));
    return fail(502, "the guest set no response");
  }
  if (outcome.error().code() == Errc::resource_exhausted && outcome.error().blame() == Blame::operator_) {
    // The links want mending: another attempt meets the same.
    answered_ = answer_failed_ = true;
    return exchange_->fault(web::HttpFault::loop_detected, "calls are nested too deep");
  }
  if (outcome.error().code() == Errc::resource_exhausted) {
    return fail(503, "no instance is free");
  }
  if (outcome.error().code() == Errc::deadline_exceeded) {
    return fail(504, "the guest took too long");
  }
  fail(500, "the guest failed");
}

void HttpGuest::fail(unsigned status, std::string_view reason) {
  answered_ = true;
  answer_failed_ = true;
  if (exchange_ != nullptr) {
    exchange_->fail(status, reason);
  }
}

void HttpGuest::on_log(std::uint32_t stream, std::string_view line) {
  if (const auto& log = owner_.all().log()) {
    log(stream == 2 ? LogLevel::warning : LogLevel::info, owner_.all().component().id(), line);
  }
}

void HttpGuest::on_http(std::unique_ptr<engine::OutgoingHttp> request) { imports_.send(std::move(request), id_); }

void HttpGuest::log_error(const Error& error) const {
  if (const auto& log = owner_.all().log()) {
    auto line = fmt::format("request {}: {}", id_, error.to_string());
    if (!error.detail().empty()) {
      line += '\n';
      line += error.detail();
    }
    log(LogLevel::error, owner_.all().component().id(), line);
  }
}

/// Nobody waits for the response, and the guest has nothing more to do. Destroys *this.
void HttpGuest::release_if_over() {
  if (ended_ && exchange_ == nullptr) {
    owner_.remove(*this);
  }
}

HttpGuests::HttpGuests(async::ShardPool& shards, std::shared_ptr<const LoadedComponent> component, const LogSink& log,
                       std::shared_ptr<Permits> permits, const ImportPlan* imports)
    : component_(std::move(component)), log_(log), permits_(std::move(permits)), imports_(imports) {
  guests_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    guests_.push_back(std::make_unique<ShardGuests>(*this, shards.at(index)));
  }
}

HttpGuests::~HttpGuests() = default;

namespace {

/// The component is being stopped: said at once, nothing runs.
class Stopping final : public web::BodilessResponder {
 public:
  explicit Stopping(web::Exchange& exchange) : exchange_(exchange) {}
  void start() override { exchange_.fail(503, "the component is being stopped"); }

 private:
  web::Exchange& exchange_;
};

}  // namespace

std::unique_ptr<web::Responder> HttpGuests::on_request(web::Exchange& exchange) {
  if (refusing_.load(std::memory_order_relaxed)) {
    return std::make_unique<Stopping>(exchange);
  }
  return std::make_unique<GuestResponder>(guests_[exchange.shard().index()]->add(exchange));
}

void HttpGuests::add_stats(InterfaceStats& stats) const noexcept {
  for (const auto& guests : guests_) {
    guests->counters().add_to(stats);
  }
}

void HttpGuests::close() {
  std::latch cancelled(static_cast<std::ptrdiff_t>(guests_.size()));
  for (const auto& guests : guests_) {
    guests->shard().post([&guests, &cancelled]() noexcept {
      guests->cancel_all();
      cancelled.count_down();
    });
  }
  cancelled.wait();
}

}  // namespace weft::guest
