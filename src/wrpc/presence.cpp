// SPDX-License-Identifier: Apache-2.0
#include "wrpc/presence.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

/// Between two words of a member that it is there. Part of the protocol: others measure silence by it.
constexpr std::chrono::milliseconds kInterval{500};
constexpr std::string_view kLeaves = "leaves";
/// Without a word for so long, the server is asked.
constexpr std::chrono::milliseconds kOverdue{750};

}  // namespace

/// Whether the server still knows a connection of a silent member. Only the server answers: that nobody listens.
class Presence::Question final : public Receiver {
 public:
  Question(Presence& owner, std::string member)
      : owner_(owner), member_(std::move(member)), number_(owner.endpoint_.add(*this)) {}
  virtual ~Question() { owner_.endpoint_.remove(number_); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  void ask() {
    // What cannot be sent is asked again with the next look.
    (void)owner_.endpoint_.publish({.subject = alive_subject(owner_.endpoint_.config().lattice, member_),
                                    .reply = owner_.endpoint_.inbox(number_),
                                    .headers = {},
                                    .payload = {}});
  }

 private:
  void on_message(std::string_view /*channel*/, bus::Message message) override {
    if (message.header(bus::kStatusHeader) == bus::kNobodyListens) {
      owner_.lose(member_, "its connection is gone");  // destroys this
    }
  }
  void on_deadline() override {}
  void on_lost(const Error& /*error*/) override {}

  Presence& owner_;
  std::string member_;
  std::uint64_t number_;
};

Presence::Presence(bus::Bus& bus, ShardEndpoint& endpoint, OnSilent on_silent, OnGone on_gone)
    : bus_(bus),
      endpoint_(endpoint),
      on_silent_(std::move(on_silent)),
      on_gone_(std::move(on_gone)),
      life_(bus.new_inbox()),
      table_(endpoint.config().silence),
      timer_(endpoint.shard().io()) {}

Presence::~Presence() = default;

Result<void> Presence::open() {
  auto& shard = endpoint_.shard();
  WEFT_TRY(members_, bus_.subscribe(shard, present_subject(endpoint_.config().lattice, "*"), {},
                                    [this](const bus::Message& message) { on_present(message); }));
  state_ = bus_.on_state(shard, [this](bus::BusState state) { on_state(state); });
  is_open_ = std::make_shared<bool>(true);
  announce(life_);
  arm();
  return {};
}

void Presence::close() {
  if (std::exchange(*is_open_, false)) {
    announce(kLeaves);
  }
  timer_.cancel();
  members_.reset();
  state_.reset();
  asked_.clear();
}

void Presence::announce(std::string_view what) {
  const auto& config = endpoint_.config();
  // Whoever cannot be told takes this member for silent, which it then is.
  (void)endpoint_.publish({.subject = present_subject(config.lattice, config.member),
                           .reply = {},
                           .headers = {},
                           .payload = std::string(what)});
}

void Presence::on_present(const bus::Message& message) {
  const auto member = std::string_view(message.subject).substr(message.subject.rfind('.') + 1);
  if (member == endpoint_.config().member) {
    return;
  }
  if (message.payload == kLeaves) {
    return lose(std::string(member), "it said so");
  }
  if (!asked_.empty()) {
    asked_.erase(std::string(member));
  }
  switch (table_.heard(member, message.payload, HostTable::Clock::now())) {
    case HostTable::Heard::known:
      return;
    case HostTable::Heard::first:
      return announce(life_);  // who has just come knows everybody at once
    case HostTable::Heard::reborn:
      announce(life_);
      log(LogLevel::info, fmt::format("{} has started again", member));
      on_silent_(table_.silent());
      return on_gone_();
    case HostTable::Heard::back:
      log(LogLevel::info, fmt::format("{} is heard again: calls go to it as before", member));
      return on_silent_(table_.silent());
  }
}

/// Who could not hear does not know who was silent.
void Presence::on_state(bus::BusState state) {
  table_.excuse_all(HostTable::Clock::now());
  asked_.clear();
  on_silent_(nullptr);
  if (state == bus::BusState::connected) {
    announce(life_);
  }
}

void Presence::arm() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this, is_open = is_open_](const boost::system::error_code& fault) {
    if (!fault && *is_open) {
      on_timer();
    }
  });
}

void Presence::on_timer() {
  announce(life_);
  if (bus_.state() == bus::BusState::connected) {
    const auto now = HostTable::Clock::now();
    const auto fallen = table_.look(now);
    for (const auto& member : fallen) {
      log(LogLevel::warning,
          fmt::format("{} has been silent for {} ms: calls avoid it", member, endpoint_.config().silence.count()));
    }
    if (!fallen.empty()) {
      on_silent_(table_.silent());
    }
    for (const auto& member : table_.overdue(now, kOverdue)) {
      auto& question = asked_[member];
      if (!question) {
        question = std::make_unique<Question>(*this, member);
      }
      question->ask();
    }
  }
  arm();
}

void Presence::lose(std::string member, std::string_view how) {
  asked_.erase(member);
  if (table_.forget(member)) {
    log(LogLevel::info, fmt::format("{} has left: {}", member, how));
    on_silent_(table_.silent());
    on_gone_();
  }
}

void Presence::log(LogLevel level, std::string_view line) const {
  if (endpoint_.config().log) {
    endpoint_.config().log(level, "", line);
  }
}

}  // namespace weft::wrpc
