// SPDX-License-Identifier: Apache-2.0
#include "host/provider_talk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/deadline.hpp"
#include "host/entropy.hpp"
#include "wire/event.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using wire::ProviderSubject;

/// Between two questions whether a new process listens already; ever longer, up to the second.
constexpr std::chrono::milliseconds kFirstLook = 20ms;
constexpr std::chrono::milliseconds kLastLook = 500ms;

wire::LinkDefinition without_config(wire::LinkDefinition link) {
  link.source_config.clear();
  link.target_config.clear();
  return link;
}

}  // namespace

ProviderTalk::Key ProviderTalk::key(const wire::LinkDefinition& link) {
  return {link.source_id, link.target, link.name, link.wit_namespace, link.wit_package};
}

// ---- links and configurations ----

std::vector<wire::LinkDefinition> ProviderTalk::born(const Provision& provision) {
  links_.clear();
  std::vector<wire::LinkDefinition> told;
  for (const auto& link : provision.links) {
    auto definition = sealed(link);
    if (!definition) {
      warn_(fmt::format("a link of {} to {} is skipped: {}", link.link.source_id, link.link.target,
                        definition.error().to_string()));
      continue;
    }
    told.push_back(*std::move(definition));
    links_.insert_or_assign(key(link.link), link);
  }
  born_with_ = links_;
  config_now_ = provision.config;
  config_at_birth_ = provision.config;
  health_ = Health::unknown;
  health_message_.clear();
  alive_ = true;
  return told;
}

void ProviderTalk::put_link(ResolvedLink link) {
  const auto known = links_.find(key(link.link));
  if (known != links_.end() && known->second == link) {
    return;  // other names, but the same values
  }
  if (alive_) {
    if (known != links_.end()) {
      say_del(known->second.link);
    }
    say_put(link);
  }
  links_.insert_or_assign(key(link.link), std::move(link));
}

void ProviderTalk::update_config(wire::StringMap config) {
  config_now_ = std::move(config);
  if (alive_) {
    say(config_.provider_id, ProviderSubject::config_update, wire::encode(config_now_));
  }
}

void ProviderTalk::tell_again() {
  for (const auto& [id, link] : born_with_) {
    const auto now = links_.find(id);
    if (now == links_.end() || now->second != link) {
      say_del(link.link);
    }
  }
  for (const auto& [id, link] : links_) {
    say_put(link);
  }
  if (config_now_ != config_at_birth_) {
    update_config(config_now_);
  }
  born_with_.clear();
  config_at_birth_ = config_now_;
}

Result<wire::LinkDefinition> ProviderTalk::sealed(const ResolvedLink& link) const {
  auto definition = link.link;
  WEFT_TRY(definition.source_secrets,
           wire::seal_secrets(link.source_secrets, host_key_, provider_key_, entropy<wire::kNonceBytes>()));
  WEFT_TRY(definition.target_secrets,
           wire::seal_secrets(link.target_secrets, host_key_, provider_key_, entropy<wire::kNonceBytes>()));
  return definition;
}

void ProviderTalk::say_put(const ResolvedLink& link) {
  const auto definition = sealed(link);
  if (!definition) {
    return warn_(fmt::format("a link of {} to {} is not told: {}", link.link.source_id, link.link.target,
                             definition.error().to_string()));
  }
  say(provider_key_.text(), ProviderSubject::link_put, wire::encode(*definition));
}

void ProviderTalk::say_del(const wire::LinkDefinition& link) {
  say(config_.provider_id, ProviderSubject::link_del, wire::encode(without_config(link)));
}

void ProviderTalk::say(std::string_view id, ProviderSubject subject, std::string payload) {
  const auto said = bus_.publish({.subject = wire::provider_subject(config_.lattice, id, subject),
                                  .reply = {},
                                  .headers = {},
                                  .payload = std::move(payload)});
  if (!said) {
    warn_(fmt::format("it could not be told of a change: {}", said.error().to_string()));
  }
}

// ---- health ----

async::Task<wire::HealthReply> ProviderTalk::ask_health(std::chrono::milliseconds timeout) {
  WEFT_CO_TRY(const auto answer,
              co_await bus_.request(
                  {.subject = wire::provider_subject(config_.lattice, config_.provider_id, ProviderSubject::health),
                   .reply = {},
                   .headers = {},
                   .payload = {}},
                  timeout));
  co_return wire::decode_health_reply(answer.payload);
}

async::Task<wire::HealthReply> ProviderTalk::first_answer(std::function<bool()> is_over) {
  for (auto pause = kFirstLook;; pause = std::min(2 * pause, kLastLook)) {
    // Short, because a request that was lost is not answered late: the next one may be.
    auto reply = co_await ask_health(std::min(config_.timeout, kLastLook));
    if (is_over()) {
      co_return Error(Errc::cancelled, "it has ended before it answered");
    }
    if (reply) {
      health_ = reply->healthy ? Health::healthy : Health::unhealthy;
      health_message_ = reply->message.value_or("");
      co_return reply;
    }
    WEFT_CO_CHECK(co_await async::sleep_for(pause));
  }
}

async::Task<void> ProviderTalk::follow_health() {
  for (auto pause = config_.health_delay;; pause = config_.health_interval) {
    WEFT_CO_CHECK(co_await async::sleep_for(pause));
    const auto reply = co_await ask_health(config_.timeout);
    if (reply) {
      on_health(*reply);
    } else if (alive_ && reply.error().code() != Errc::cancelled) {
      warn_(fmt::format("it does not say how it is: {}", reply.error().message()));
    }
  }
}

void ProviderTalk::on_health(const wire::HealthReply& reply) {
  health_ = reply.healthy ? Health::healthy : Health::unhealthy;
  health_message_ = reply.message.value_or("");
  const bool changed = std::exchange(was_healthy_, reply.healthy) != reply.healthy;
  const auto* const name = !changed        ? "health_check_status"
                           : reply.healthy ? "health_check_passed"
                                           : "health_check_failed";
  events_.publish(name, wire::health_check_data(config_.host_id, config_.provider_id));
}

async::Task<void> ProviderTalk::ask_to_stop(std::chrono::milliseconds timeout) {
  WEFT_CO_CHECK(co_await bus_.request(
      {.subject = wire::provider_subject(config_.lattice, config_.provider_id, ProviderSubject::shutdown),
       .reply = {},
       .headers = {},
       .payload = wire::encode(wire::ShutdownRequest{config_.host_id})},
      timeout));
  co_return Result<void>();
}

}  // namespace weft::host
