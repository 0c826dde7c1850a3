// SPDX-License-Identifier: Apache-2.0
#include "lattice/policy_client.hpp"

#include <fmt/format.h>

#include <utility>

namespace weft::lattice {
namespace {

std::string describe(const wire::PolicyQuestion& question) {
  switch (question.kind) {
    case wire::PolicyKind::start_component:
      return fmt::format("to start component {} ({})", question.id, question.image_ref);
    case wire::PolicyKind::start_provider:
      return fmt::format("to start provider {} ({})", question.id, question.image_ref);
    case wire::PolicyKind::perform_invocation:
      return fmt::format("to call {}#{} of component {}", question.interface, question.function, question.id);
  }
  return {};
}

}  // namespace

Result<void> check_decision(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision) {
  if (decision.permitted) return {};
  auto text = fmt::format("policy denied request {}", describe(question));
  if (decision.message && !decision.message->empty()) text += ": " + *decision.message;
  return Error(Errc::permission_denied, std::move(text), "ask whoever runs this lattice's policy service",
               Blame::operator_);
}

PolicyClient::PolicyClient(bus::Bus& bus, async::Shard& shard, PolicyConfig config, wire::PolicyHost host,
                           std::function<std::string()> new_id, LogSink log)
    : bus_(bus),
      shard_(shard),
      config_(std::move(config)),
      host_(std::move(host)),
      new_id_(std::move(new_id)),
      log_(std::move(log)),
      tasks_(shard) {}

Result<void> PolicyClient::open() {
  if (config_.changes_topic.empty()) return {};
  WEFT_TRY(changes_, bus_.subscribe(shard_, config_.changes_topic, {},
                                    [this](const bus::Message& message) { on_change(message); }));
  return {};
}

const wire::PolicyDecision* PolicyClient::known(const wire::PolicyQuestion& question) const {
  const auto found = decisions_.find(wire::policy_key(question));
  return found == decisions_.end() ? nullptr : &found->second.decision;
}

async::Task<wire::PolicyDecision> PolicyClient::decide(wire::PolicyQuestion question) {
  auto key = wire::policy_key(question);
  if (const auto found = decisions_.find(key); found != decisions_.end()) {
    co_return found->second.decision;
  }
  if (closed_) co_return Error(Errc::cancelled, "the host stops");
  co_return co_await async::wait_for_completion<wire::PolicyDecision>(
      [this, &key, &question](async::Completion<wire::PolicyDecision> done) {
        const auto [place, is_first] = asking_.try_emplace(key);
        place->second.push_back(std::move(done));
        if (is_first) tasks_.spawn("ask for " + key, ask(key, std::move(question)));
      });
}

void PolicyClient::decide(wire::PolicyQuestion question, Told told) {
  tasks_.spawn("decide", decide_and_tell(std::move(question), std::move(told)));
}

async::Task<void> PolicyClient::decide_and_tell(wire::PolicyQuestion question, Told told) {
  auto decision = co_await decide(question);
  // Changed on the way here: what counts now is what is told.
  if (const auto* const now = known(question); decision && now != nullptr) decision = *now;
  told(std::move(decision));
  co_return Result<void>();
}

async::Task<void> PolicyClient::permit(wire::PolicyQuestion question) {
  WEFT_CO_TRY(const auto decision, co_await decide(question));
  co_return check_decision(question, decision);
}

async::Task<void> PolicyClient::ask(std::string key, wire::PolicyQuestion question) {
  const auto request_id = new_id_();
  auto decision = co_await request(question, request_id);
  if (decision) keep(key, request_id, std::move(question), *decision);
  auto waiting = asking_.extract(key);
  for (const auto& done : waiting.mapped()) done.complete(decision);
  co_return Result<void>();
}

async::Task<wire::PolicyDecision> PolicyClient::request(wire::PolicyQuestion question, std::string request_id) {
  const auto answer = co_await bus_.request(
      {.subject = config_.topic, .reply = {}, .headers = {}, .payload = wire::encode(question, request_id, host_)},
      config_.timeout);
  const auto failed = [&](const Error& error, std::string_view what, std::string hint) {
    return Error(error.code(),
                 fmt::format("the policy service on {} {}, so no permission {}: {}", config_.topic, what,
                             describe(question), error.message()),
                 std::move(hint), Blame::operator_);
  };
  if (!answer) {
    if (answer.error().code() == Errc::cancelled) co_return answer.error();
    co_return failed(answer.error(), fmt::format("did not answer within {} ms", config_.timeout.count()),
                     "see that it runs, or start the host without --policy-topic");
  }
  auto decision = wire::decode_policy_decision(answer->payload);
  if (!decision) {
    co_return failed(decision.error(), "answered what cannot be read", "it has to speak version v1 of 1.9's protocol");
  }
  co_return decision;
}

void PolicyClient::keep(const std::string& key, std::string request_id, wire::PolicyQuestion question,
                        wire::PolicyDecision decision) {
  if (decisions_.size() >= kMaxDecisions) return;
  decisions_.insert_or_assign(key, Decided{.question = std::move(question), .decision = std::move(decision)});
  request_ids_.insert_or_assign(std::move(request_id), key);
}

void PolicyClient::on_change(const bus::Message& message) {
  auto decision = wire::decode_policy_decision(message.payload);
  if (!decision) {
    return log_(LogLevel::error, "",
                fmt::format("a change of policy on {}: {}", config_.changes_topic, decision.error().to_string()));
  }
  const auto request = request_ids_.find(decision->request_id);
  const auto known = request == request_ids_.end() ? decisions_.end() : decisions_.find(request->second);
  if (known == decisions_.end()) {
    return log_(LogLevel::warning, "",
                fmt::format("a change of policy on {} is for a request that this host has not made: {}",
                            config_.changes_topic, decision->request_id));
  }
  known->second.decision = *std::move(decision);
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  for (const auto& listener : listeners_) {
    if (const auto told = listener.lock()) told->on_changed(known->second.question, known->second.decision);
  }
}

void PolicyClient::follow(std::weak_ptr<PolicyListener> listener) {
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  listeners_.push_back(std::move(listener));
}

boost::asio::awaitable<void> PolicyClient::close() {
  if (std::exchange(closed_, true)) co_return;
  changes_.reset();
  co_await tasks_.close();
  asking_.clear();
}

}  // namespace weft::lattice
