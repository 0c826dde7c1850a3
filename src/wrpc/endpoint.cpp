// SPDX-License-Identifier: Apache-2.0
#include "wrpc/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "async/completion.hpp"
#include "base/assert.hpp"
#include "wrpc/call_headers.hpp"
#include "wrpc/presence.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

/// The wait for the outcome of work on several shards.
struct Gathering {
  Gathering(std::size_t count, async::Completion<void> completion) : left(count), done(std::move(completion)) {}
  std::mutex mutex;
  std::size_t left;
  Result<void> outcome;
  async::Completion<void> done;

  void tell(Result<void> one) {
    const std::lock_guard lock(mutex);
    if (outcome && !one) {
      outcome = std::move(one);
    }
    if (--left == 0) {
      done.complete(std::move(outcome));
    }
  }
};

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the pool outlives what is made on it
async::Task<void> on_every_shard(async::ShardPool& shards, std::function<void(std::size_t, ShardDone)> work) {
  co_return co_await async::wait_for_completion<void>([&shards, &work](const async::Completion<void>& done) {
    const auto gathering = std::make_shared<Gathering>(shards.size(), done);
    for (std::size_t index = 0; index < shards.size(); ++index) {
      shards.at(index).post([gathering, work, index]() noexcept {
        work(index, [gathering](Result<void> outcome) { gathering->tell(std::move(outcome)); });
      });
    }
  });
}

ShardEndpoint::ShardEndpoint(bus::Bus& bus, async::Shard& shard, const EndpointConfig& config)
    : bus_(bus),
      shard_(shard),
      config_(config),
      backlog_(std::make_shared<BacklogRoom>(config.backlog, config.log)),
      timer_(shard.io()),
      probe_timer_(shard.io()) {}

Result<void> ShardEndpoint::open() {
  base_ = bus_.new_inbox();
  max_payload_ = bus_.info().max_payload;
  is_open_ = std::make_shared<bool>(true);
  bus::SubscribeOptions options{.queue_group = {}, .max_pending = config_.max_inbox};
  options.on_dropped = [this, &shard = shard_, base = base_, dropped = dropped_,
                        is_open = is_open_](const bus::Message& message) {
    const auto to = parse_inbox_subject(base, message.subject);
    if (!to) {
      return;
    }
    const std::lock_guard lock(dropped->mutex);
    const bool is_first = dropped->numbers.empty();
    dropped->numbers.insert(to->call);
    if (is_first) {
      shard.post([this, is_open]() noexcept {
        if (*is_open) {
          lose_dropped();
        }
      });
    }
  };
  auto inbox = bus_.subscribe(shard_, base_ + ".>", std::move(options),
                              [this](bus::Message message) { on_message(std::move(message)); });
  if (!inbox) {
    *is_open_ = false;
    return std::move(inbox).error();
  }
  inbox_ = *std::move(inbox);
  state_ = bus_.on_state(shard_, [this](bus::BusState state) { on_state(state); });
  return {};
}

void ShardEndpoint::close() {
  const Error stops(Errc::cancelled, "the host stops", {}, Blame::host);
  lose_all(stops);
  *is_open_ = false;
  lose_all(stops);  // what whoever was told has begun instead
  timer_.cancel();
  probe_timer_.cancel();
  inbox_.reset();
  state_.reset();
}

std::uint64_t ShardEndpoint::add(Receiver& receiver) {
  const auto number = next_++;
  receivers_.emplace(number, Entry{.receiver = &receiver});
  return number;
}

void ShardEndpoint::remove(std::uint64_t number) noexcept {
  set_deadline(number, Clock::time_point::max());
  probed_.erase(number);
  receivers_.erase(number);
}

std::string ShardEndpoint::inbox(std::uint64_t number) const { return inbox_subject(base_, number); }

void ShardEndpoint::set_deadline(std::uint64_t number, Clock::time_point when) {
  const auto found = receivers_.find(number);
  if (found == receivers_.end()) {
    return;
  }
  if (found->second.deadline != Clock::time_point::max()) {
    const auto [first, last] = deadlines_.equal_range(found->second.deadline);
    deadlines_.erase(std::find_if(first, last, [number](const auto& entry) { return entry.second == number; }));
  }
  found->second.deadline = when;
  if (when != Clock::time_point::max()) {
    deadlines_.emplace(when, number);
    arm();
  }
}

/// The timer stands at the earliest deadline or before: most calls end long before theirs, and none is worth a system
/// call of its own.
void ShardEndpoint::arm() {
  const auto first = deadlines_.begin()->first;
  if (first >= armed_) {
    return;
  }
  armed_ = first;
  timer_.expires_at(first);
  timer_.async_wait([this, is_open = is_open_](const boost::system::error_code& fault) {
    // One that has gone off already is not cancelled any more.
    if (!fault && *is_open) {
      on_timer();
    }
  });
}

void ShardEndpoint::on_timer() {
  armed_ = Clock::time_point::max();
  const auto now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto number = deadlines_.begin()->second;
    auto& entry = receivers_.at(number);
    entry.deadline = Clock::time_point::max();
    deadlines_.erase(deadlines_.begin());
    entry.receiver->on_deadline();
  }
  if (!deadlines_.empty()) {
    arm();
  }
}

void ShardEndpoint::probe(std::uint64_t number) {
  if (receivers_.contains(number) && probed_.insert(number).second && probed_.size() == 1) {
    arm_probe();
  }
}

void ShardEndpoint::arm_probe() {
  probe_timer_.expires_after(config_.probe_interval);
  probe_timer_.async_wait([this](const boost::system::error_code& fault) {
    if (!fault) {
      on_probe_timer();
    }
  });
}

/// One timer for all: most calls have ended before it comes.
void ShardEndpoint::on_probe_timer() {
  const std::vector<std::uint64_t> numbers(probed_.begin(), probed_.end());
  for (const auto number : numbers) {
    if (const auto found = receivers_.find(number); found != receivers_.end()) {
      found->second.receiver->on_probe();
    }
  }
  if (!probed_.empty()) {
    arm_probe();
  }
}

Result<void> ShardEndpoint::publish(bus::Message message) {
  if (!*is_open_) {
    return Error(Errc::unavailable, fmt::format("{} was not sent: this host has left the lattice", message.subject));
  }
  if (bus_.state() != bus::BusState::connected) {
    return Error(
        Errc::unavailable,
        fmt::format("{} was not sent: the NATS server at {} does not answer", message.subject, bus_.info().url),
        "try again when it is back", Blame::environment);
  }
  return bus_.publish(std::move(message));
}

void ShardEndpoint::on_message(bus::Message message) {
  const auto to = parse_inbox_subject(base_, message.subject);
  if (!to) {
    return;
  }
  const auto found = receivers_.find(to->call);
  if (found != receivers_.end()) {
    const std::string channel(to->channel);
    found->second.receiver->on_message(channel, std::move(message));
  } else if (to->channel.empty() && !message.reply.empty() && !message.header(kAcceptHeader).empty()) {
    // Whoever gave the call up could not tell before it was known whom. Other peers cannot be told, nor may the end of
    // the parameters be sent to them: they would begin with what they have.
    (void)publish_end(*this, fmt::format("{}.{}", message.reply, kCancel));
  }
}

void ShardEndpoint::on_state(bus::BusState state) {
  if (state == bus::BusState::connected) {
    max_payload_ = bus_.info().max_payload;
    return;
  }
  lose_all(Error(Errc::unavailable, fmt::format("the connection to {} was lost during the call", bus_.info().url),
                 "whether it was carried out is not known", Blame::environment));
}

void ShardEndpoint::lose_all(const Error& error) {
  tell_all([&error](Receiver& receiver) { receiver.on_lost(error); });
}

/// Of a call that lacks a message nobody knows what it would have come to: it is not left to its deadline.
void ShardEndpoint::lose_dropped() {
  std::set<std::uint64_t> numbers;
  {
    const std::lock_guard lock(dropped_->mutex);
    numbers.swap(dropped_->numbers);
  }
  const Error error(Errc::resource_exhausted,
                    fmt::format("messages of the call were dropped: more than {} waited for this host's shard {}",
                                config_.max_inbox, shard_.index()),
                    "the host is overloaded: run more hosts or shards, or call less at once", Blame::operator_);
  for (const auto number : numbers) {
    if (const auto found = receivers_.find(number); found != receivers_.end()) {
      found->second.receiver->on_lost(error);
    }
  }
}

void ShardEndpoint::set_silent(std::shared_ptr<const HostSet> members) {
  silent_ = std::move(members);
  if (silent_) {
    tell_all([](Receiver& receiver) { receiver.on_member_lost(Receiver::Loss::silent); });
  }
}

void ShardEndpoint::tell_gone() {
  tell_all([](Receiver& receiver) { receiver.on_member_lost(Receiver::Loss::gone); });
}

template <class Tell>
void ShardEndpoint::tell_all(Tell tell) {
  // Whoever is told may begin another, or end a third.
  std::vector<std::uint64_t> numbers;
  numbers.reserve(receivers_.size());
  for (const auto& [number, entry] : receivers_) {
    numbers.push_back(number);
  }
  for (const auto number : numbers) {
    if (const auto found = receivers_.find(number); found != receivers_.end()) {
      tell(*found->second.receiver);
    }
  }
}

Endpoint::Endpoint(bus::Bus& bus, async::ShardPool& shards, EndpointConfig config)
    : bus_(bus), shards_(shards), config_(std::move(config)) {
  per_shard_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    per_shard_.push_back(std::make_unique<ShardEndpoint>(bus, shards.at(index), config_));
  }
  if (!config_.member.empty()) {
    const auto on_silent = [this](const std::shared_ptr<const HostSet>& who) {
      for (const auto& endpoint : per_shard_) {
        endpoint->shard().post([endpoint = endpoint.get(), who]() noexcept { endpoint->set_silent(who); });
      }
    };
    const auto on_gone = [this] {
      for (const auto& endpoint : per_shard_) {
        endpoint->shard().post([endpoint = endpoint.get()]() noexcept { endpoint->tell_gone(); });
      }
    };
    presence_ = std::make_unique<Presence>(bus, *per_shard_.front(), on_silent, on_gone);
  }
}

Endpoint::~Endpoint() = default;

async::Task<void> Endpoint::open() {
  co_return co_await on_every_shard(shards_, [this](std::size_t index, ShardDone done) {
    auto opened = per_shard_[index]->open();
    if (opened && index == 0 && presence_) {
      opened = presence_->open();
    }
    done(std::move(opened));
  });
}

async::Task<void> Endpoint::close() {
  // First, so that nothing of it is still on its way to a shard.
  WEFT_CO_CHECK(co_await on_every_shard(shards_, [this](std::size_t index, ShardDone done) {
    if (index == 0 && presence_) {
      presence_->close();
    }
    done({});
  }));
  co_return co_await on_every_shard(shards_, [this](std::size_t index, ShardDone done) {
    per_shard_[index]->close();
    done({});
  });
}

}  // namespace weft::wrpc
