// SPDX-License-Identifier: Apache-2.0
#include "host/call_policy.hpp"

namespace weft::host {

std::shared_ptr<CallPolicy> CallPolicy::create(async::ShardPool& shards, async::Shard& control,
                                               std::shared_ptr<lattice::PolicyClient> client,
                                               wire::PolicyQuestion workload) {
  auto& followed = *client;
  auto policy = std::make_shared<CallPolicy>(shards, control, std::move(client), std::move(workload));
  followed.follow(policy);
  return policy;
}

CallPolicy::CallPolicy(async::ShardPool& shards, async::Shard& control, std::shared_ptr<lattice::PolicyClient> client,
                       wire::PolicyQuestion workload)
    : control_(control),
      client_(std::move(client)),
      workload_(std::move(workload)),
      verdicts_(shards.size(), std::make_shared<const Verdicts>()) {}

const Result<void>* CallPolicy::find(const async::Shard& shard, std::string_view interface, std::string_view function) {
  const auto& verdicts = *verdicts_.read(shard.index());
  const auto found = verdicts.find(std::pair(interface, function));
  return found == verdicts.end() ? nullptr : &found->second;
}

void CallPolicy::ask(async::Shard& shard, std::string interface, std::string function, Told told) {
  auto back = [&shard, told = std::move(told)](Result<void> verdict) mutable noexcept {
    shard.post([told = std::move(told), verdict = std::move(verdict)]() mutable noexcept { told(std::move(verdict)); });
  };
  control_.post([self = shared_from_this(), interface = std::move(interface), function = std::move(function),
                 back = std::move(back)]() mutable noexcept {
    self->decide(std::move(interface), std::move(function), std::move(back));
  });
}

void CallPolicy::decide(std::string interface, std::string function, Told told) {
  auto asked = question(std::move(interface), std::move(function));
  client_->decide(
      asked, [self = shared_from_this(), asked, told = std::move(told)](Result<wire::PolicyDecision> decision) mutable {
        if (!decision) return told(std::move(decision).error());
        auto verdict = lattice::check_decision(asked, *decision);
        self->keep(asked, verdict);
        told(std::move(verdict));
      });
}

async::Task<void> CallPolicy::permit(std::string interface, std::string function) {
  return client_->permit(question(std::move(interface), std::move(function)));
}

wire::PolicyQuestion CallPolicy::question(std::string interface, std::string function) const {
  auto asked = workload_;
  asked.kind = wire::PolicyKind::perform_invocation;
  asked.instances = 0;
  asked.interface = std::move(interface);
  asked.function = std::move(function);
  return asked;
}

void CallPolicy::on_changed(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision) {
  if (question.kind == wire::PolicyKind::perform_invocation && question.id == workload_.id &&
      question.image_ref == workload_.image_ref) {
    keep(question, lattice::check_decision(question, decision));
  }
}

void CallPolicy::keep(const wire::PolicyQuestion& question, const Result<void>& verdict) {
  auto next = std::make_shared<Verdicts>(*verdicts_.get());
  const std::pair<std::string_view, std::string_view> key(question.interface, question.function);
  if (next->size() >= kMaxFunctions && !next->contains(key)) return;
  next->insert_or_assign(Key(key), verdict);
  verdicts_.publish(std::move(next));
}

}  // namespace weft::host
