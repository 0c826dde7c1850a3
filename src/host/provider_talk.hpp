// SPDX-License-Identifier: Apache-2.0
/// What a host and one provider process say to each other over the bus: links, configurations, health, the end. Nothing
/// of it is acknowledged but health and the end, so what was said before a process listened is said again once it
/// answers.
///
/// Knows nothing of the process itself: born() and gone() say when there is one. Ownership: by the provider; borrows
/// bus, events and the host's key. Threads: the control shard. Source: data-plane facts 4.5-4.9; live-host B6, C15.
///
/// Trap: a link's deletion has one subject for all instances of a provider id, on whichever host; only puts are for one
/// process. A changed link is deleted and put, because a provider ignores a put of what it has: an instance of the same
/// id on another host then needs a put of its own host, too.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "bus/bus.hpp"
#include "host/hosted_provider.hpp"
#include "lattice/events.hpp"
#include "wire/host_data.hpp"

namespace weft::host {

struct TalkConfig {
  std::string lattice;
  std::string host_id;
  std::string provider_id;
  std::chrono::milliseconds health_delay{5'000};
  std::chrono::milliseconds health_interval{30'000};
  std::chrono::milliseconds timeout{2'000};  ///< of a health request
};

class ProviderTalk {
 public:
  using Health = ProviderProcess::Health;
  using Warn = std::function<void(const std::string& line)>;

  ProviderTalk(bus::Bus& bus, lattice::EventPublisher& events, const wire::KeyPair& host_key,
               wire::PublicKey provider_key, TalkConfig config, Warn warn)
      : bus_(bus),
        events_(events),
        host_key_(host_key),
        provider_key_(provider_key),
        config_(std::move(config)),
        warn_(std::move(warn)) {}

  /// A process is started with this. Gives its links as it is to be told of them.
  std::vector<wire::LinkDefinition> born(const Provision& provision);
  /// It has ended; what is told meanwhile is for the next one.
  void gone() { alive_ = false; }
  /// It listens: what may have been missed since it was born is told again.
  void tell_again();

  void put_link(ResolvedLink link);
  /// The lattice has been told of it already, by the host that took the command.
  void delete_link(const wire::LinkDefinition& link) { links_.erase(key(link)); }
  void update_config(wire::StringMap config);

  /// Asks again and again until there is an answer. Errors: cancelled, also once `is_over`.
  async::Task<wire::HealthReply> first_answer(std::function<bool()> is_over);
  /// Asks from time to time, and tells the lattice what changes; until it is cancelled.
  async::Task<void> follow_health();
  /// Done when it has agreed to end. Errors: unavailable, deadline_exceeded.
  async::Task<void> ask_to_stop(std::chrono::milliseconds timeout);

  [[nodiscard]] Health health() const noexcept { return health_; }
  [[nodiscard]] const std::string& health_message() const noexcept { return health_message_; }

 private:
  /// What makes it the same link, whatever its interfaces and configurations are.
  using Key = std::array<std::string, 5>;
  using Links = std::map<Key, ResolvedLink>;

  static Key key(const wire::LinkDefinition& link);
  Result<wire::LinkDefinition> sealed(const ResolvedLink& link) const;
  async::Task<wire::HealthReply> ask_health(std::chrono::milliseconds timeout);
  void on_health(const wire::HealthReply& reply);
  void say_put(const ResolvedLink& link);
  void say_del(const wire::LinkDefinition& link);
  void say(std::string_view id, wire::ProviderSubject subject, std::string payload);

  bus::Bus& bus_;
  lattice::EventPublisher& events_;
  const wire::KeyPair& host_key_;
  wire::PublicKey provider_key_;
  TalkConfig config_;
  Warn warn_;
  bool alive_ = false;
  Links links_;      ///< what it shall have
  Links born_with_;  ///< what the process of now was started with
  wire::StringMap config_now_;
  wire::StringMap config_at_birth_;
  bool was_healthy_ = false;  ///< for events: over all processes
  Health health_ = Health::unknown;
  std::string health_message_;
};

}  // namespace weft::host
