// SPDX-License-Identifier: Apache-2.0
#include "host/policed_target.hpp"

#include <utility>

#include "wrpc/http_values.hpp"

namespace weft::host {
namespace {

/// What a call is asked with once it may go on: views of an Invocation do not live so long.
struct KeptCall {
  explicit KeptCall(const dispatch::Invocation& invocation)
      : interface(invocation.interface),
        function(invocation.function),
        params(invocation.params.begin(), invocation.params.end()),
        context(invocation.context),
        source(invocation.context.source),
        link_name(invocation.context.link_name),
        trace_parent(invocation.context.trace_parent),
        trace_state(invocation.context.trace_state) {}

  [[nodiscard]] dispatch::Invocation invocation() const {
    auto again = context;
    again.source = source;
    again.link_name = link_name;
    again.trace_parent = trace_parent;
    again.trace_state = trace_state;
    return {.interface = interface, .function = function, .params = params, .context = again};
  }

  std::string interface, function;
  std::vector<std::byte> params;
  dispatch::CallContext context;  ///< its views are those below
  std::string source, link_name, trace_parent, trace_state;
};

/// A call that waits for its verdict, then the call itself. Owned by the caller through WaitingCall.
struct Waiting {
  Waiting(std::shared_ptr<dispatch::Target> its_target, async::Shard& its_shard, dispatch::CallHandler& its_handler,
          const dispatch::Invocation& invocation)
      : target(std::move(its_target)), shard(its_shard), handler(its_handler), call(invocation) {}

  void go_on(const Result<void>& verdict) {
    if (!verdict) return handler.on_error(verdict.error());
    begun = target->invoke(shard, call.invocation(), handler);
  }

  std::shared_ptr<dispatch::Target> target;
  async::Shard& shard;
  dispatch::CallHandler& handler;
  KeptCall call;
  std::unique_ptr<dispatch::PendingCall> begun;
};

class WaitingCall final : public dispatch::PendingCall {
 public:
  explicit WaitingCall(std::shared_ptr<Waiting> waiting) : waiting_(std::move(waiting)) {}

 private:
  std::shared_ptr<Waiting> waiting_;
};

void refuse(web::Exchange& exchange, const Error& error) {
  if (error.code() == Errc::permission_denied) {
    return exchange.fault(web::HttpFault::http_request_denied, error.message());
  }
  exchange.fail(503, error.message());
}

class RefusedRequest final : public web::BodilessResponder {
 public:
  RefusedRequest(web::Exchange& exchange, Error why) : exchange_(exchange), why_(std::move(why)) {}
  void start() override { refuse(exchange_, why_); }

 private:
  web::Exchange& exchange_;
  Error why_;
};

/// A request that waits for its verdict; then what answers it is the component's own responder.
class WaitingRequest final : public web::Responder {
 public:
  WaitingRequest(web::Exchange& exchange, std::shared_ptr<dispatch::Target> target, std::shared_ptr<CallPolicy> policy)
      : exchange_(exchange), target_(std::move(target)), policy_(std::move(policy)) {}

  void start() override {
    policy_->ask(exchange_.shard(), std::string(wrpc::kIncomingHandler), std::string(wrpc::kHandle),
                 [weak = std::weak_ptr(self_)](const Result<void>& verdict) noexcept {
                   if (const auto self = weak.lock()) (*self)->go_on(verdict);
                 });
  }
  void on_body(std::span<const std::byte> piece) override {
    if (answer_) answer_->on_body(piece);
  }
  void on_body_end(std::span<const web::HeaderView> trailers) override {
    if (answer_) answer_->on_body_end(trailers);
  }
  void on_writable() override {
    if (answer_) answer_->on_writable();
  }
  void on_disconnect() override {
    if (answer_) answer_->on_disconnect();
  }

 private:
  void go_on(const Result<void>& verdict) {
    if (!verdict) return refuse(exchange_, verdict.error());
    answer_ = target_->http()->on_request(exchange_);
    if (!answer_) return exchange_.fail(500, "nobody answers this request");
    answer_->start();
  }

  web::Exchange& exchange_;
  std::shared_ptr<dispatch::Target> target_;
  std::shared_ptr<CallPolicy> policy_;
  std::shared_ptr<WaitingRequest*> self_ = std::make_shared<WaitingRequest*>(this);  ///< a verdict may come too late
  std::unique_ptr<web::Responder> answer_;
};

}  // namespace

PolicedTarget::PolicedTarget(std::shared_ptr<dispatch::Target> target, std::shared_ptr<CallPolicy> policy)
    : TargetInFront(std::move(target)), policy_(std::move(policy)) {}

std::unique_ptr<dispatch::PendingCall> PolicedTarget::invoke(async::Shard& shard,
                                                             const dispatch::Invocation& invocation,
                                                             dispatch::CallHandler& handler) {
  if (const auto* const verdict = policy_->find(shard, invocation.interface, invocation.function)) {
    if (*verdict) return behind()->invoke(shard, invocation, handler);
    handler.on_error(verdict->error());
    return nullptr;
  }
  auto waiting = std::make_shared<Waiting>(behind(), shard, handler, invocation);
  policy_->ask(shard, waiting->call.interface, waiting->call.function,
               [weak = std::weak_ptr(waiting)](const Result<void>& verdict) noexcept {
                 if (const auto self = weak.lock()) self->go_on(verdict);
               });
  return std::make_unique<WaitingCall>(std::move(waiting));
}

std::unique_ptr<web::Responder> PolicedTarget::on_request(web::Exchange& exchange) {
  if (const auto* const verdict = policy_->find(exchange.shard(), wrpc::kIncomingHandler, wrpc::kHandle)) {
    if (*verdict) return behind()->http()->on_request(exchange);
    return std::make_unique<RefusedRequest>(exchange, verdict->error());
  }
  return std::make_unique<WaitingRequest>(exchange, behind(), policy_);
}

}  // namespace weft::host
