// SPDX-License-Identifier: Apache-2.0
#include "builtins/messaging-nats/delivery.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <utility>

#include "async/deadline.hpp"
#include "bus/jetstream_codec.hpp"

namespace weft::builtins::messaging_nats {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::string_view kHandler = "wasmcloud:messaging/handler";
constexpr std::string_view kWireHandler = "wasmcloud:messaging/handler@0.2.0";

/// A pull that nothing comes of ends by itself after this; a little later it is taken for lost.
constexpr milliseconds kPullExpires{5'000};
constexpr milliseconds kPullLost{6'000};
constexpr milliseconds kApiTimeout{2'000};
constexpr milliseconds kFirstWait{100};
constexpr milliseconds kLongestWait{2'000};
constexpr milliseconds kShortestProgress{100};

constexpr std::string_view kDone = "+ACK";
constexpr std::string_view kInProgress = "+WPI";
constexpr std::string_view kGiveBack = "-NAK";

std::string give_back_later() {
  return std::string(kGiveBack) + json::serialize(json::object{{"delay", nanoseconds(Delivery::kRetryDelay).count()}});
}

}  // namespace

Delivery::Delivery(std::shared_ptr<nats::Line> line, Settings settings, Options options, std::shared_ptr<Caller> caller,
                   const LogSink& log)
    : line_(std::move(line)),
      settings_(std::move(settings)),
      options_(std::move(options)),
      caller_(std::move(caller)),
      dropped_(log, options_.provider, "messages for " + options_.component + " are dropped"),
      failed_(log, options_.provider, "a message was not handled by " + options_.component),
      missing_(log, options_.provider, "cannot pull messages for " + options_.component) {}

Result<void> Delivery::start() {
  Result<void> outcome;
  line_->on_shard([this, &outcome] {
    for (const auto& setting : settings_.subscriptions) {
      bus::SubscribeOptions options;
      options.queue_group = setting.queue_group;
      auto subscribed = line_->bus().subscribe(line_->shard(), setting.subject, std::move(options),
                                               [weak = weak_from_this()](bus::Message message) {
                                                 if (const auto self = weak.lock()) self->take(std::move(message));
                                               });
      if (!subscribed) {
        outcome = std::move(subscribed).error().in("subscribe to " + setting.subject);
        return;
      }
      subscriptions_.push_back(*std::move(subscribed));
    }
    if (!settings_.consumers.empty()) {
      // A pull that was under way at a server is forgotten with the connection.
      subscriptions_.push_back(line_->bus().on_state(line_->shard(), [weak = weak_from_this()](bus::BusState state) {
        const auto self = weak.lock();
        if (!self || state != bus::BusState::connected) return;
        for (const auto& pull : self->pulls_) {
          pull->asked = 0;
          wake(*pull);
        }
      }));
    }
    for (const auto& setting : settings_.consumers) {
      pulls_.push_back(std::make_shared<Pull>(Pull{.setting = setting, .under_way = {}, .inbox = nullptr, .wake = {}}));
      line_->spawn("pulling from " + setting.stream + "/" + setting.consumer, follow(shared_from_this(), pulls_.back()),
                   nats::Work::service);
    }
  });
  if (outcome && line_->bus().state() == bus::BusState::connected) wait_until_listening();
  return outcome;
}

/// What is published once the link has been put is delivered. A server that takes long is not waited for.
void Delivery::wait_until_listening() {
  const auto told = std::make_shared<std::promise<void>>();
  line_->spawn("subscribing", listening(line_, told));
  static_cast<void>(told->get_future().wait_for(kApiTimeout));
}

async::Task<void> Delivery::listening(std::shared_ptr<nats::Line> line, std::shared_ptr<std::promise<void>> told) {
  const auto flushed = co_await line->bus().flush(kApiTimeout);
  told->set_value();
  co_return flushed;
}

void Delivery::close() {
  line_->on_shard([this] {
    is_closing_ = true;
    subscriptions_.clear();
    for (const auto& pull : pulls_) {
      pull->inbox.reset();
      wake(*pull);
    }
    for (auto& item : std::exchange(waiting_, {})) {
      if (item.pull) {
        settle(item.pull, item.message.reply, std::string(kGiveBack));
      } else {
        dropped_.lost("its link is gone");
      }
    }
  });
  {
    std::unique_lock lock(mutex_);
    idle_.wait_for(lock, kGrace, [this] { return under_way_ == 0; });
  }
  line_->on_shard([this] { is_over_ = true; });
}

// ---- to the component ----

void Delivery::take(bus::Message message) {
  if (is_closing_) return;
  Item item{.message = std::move(message), .pull = nullptr};
  std::size_t under_way = 0;
  {
    const std::scoped_lock lock(mutex_);
    under_way = under_way_;
  }
  if (under_way < kMaxUnderWay) return send(std::move(item));
  const auto size = item.message.payload.size();
  if (waiting_.size() >= kMaxWaiting || waiting_bytes_ + size > kMaxWaitingBytes) {
    dropped_.lost("it is slower than they come; " + std::to_string(waiting_.size()) + " wait");
    return;
  }
  waiting_bytes_ += size;
  waiting_.push_back(std::move(item));
}

void Delivery::send(Item item) {
  {
    const std::scoped_lock lock(mutex_);
    ++under_way_;
  }
  auto& message = item.message;
  const bool is_pulled = item.pull != nullptr;
  BrokerMessage given{.subject = std::move(message.subject),
                      .body = {std::move(message.payload)},
                      .reply_to = is_pulled || message.reply.empty() ? std::nullopt : std::optional(message.reply)};
  LinkedCall call{.link_name = options_.link_name,
                  .link_interface = std::string(kHandler),
                  .interface = std::string(kWireHandler),
                  .function = "handle-message",
                  .timeout = kCallTimeout,
                  .trace_parent = std::string(message.header("traceparent")),
                  .trace_state = std::string(message.header("tracestate"))};
  // The loop is kept, and not the line: an answer may come after all of it has gone.
  auto done = [self = shared_from_this(), io = line_->shard().shared_io(), pull = std::move(item.pull),
               at = is_pulled ? std::move(message.reply) : std::string()](Answer answer) mutable {
    boost::asio::post(*io, [self = std::move(self), pull = std::move(pull), at = std::move(at),
                            answer = std::move(answer)] { self->finished(pull, at, answer); });
  };
  call_linked<std::expected<void, std::string>>(*caller_, std::move(call), std::move(done), given);
}

void Delivery::finished(const std::shared_ptr<Pull>& pull, const std::string& acknowledge_at, const Answer& answer) {
  const bool is_fine = answer && answer->has_value();
  if (is_fine) {
    failed_.delivered();
  } else if (!is_over_) {
    failed_.lost(answer ? answer->error() : answer.error().to_string());
  }
  if (pull && !is_over_) settle(pull, acknowledge_at, is_fine ? std::string(kDone) : give_back_later());
  if (!waiting_.empty() && !is_closing_) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next.pull) {
      waiting_bytes_ -= next.message.payload.size();
      if (waiting_.empty()) dropped_.delivered();
    }
    send(std::move(next));
  }
  const std::scoped_lock lock(mutex_);
  --under_way_;
  idle_.notify_all();
}

// ---- from JetStream ----

std::string Delivery::api(std::string_view verb, const ConsumerSetting& consumer) const {
  return bus::jetstream_api(settings_.access.jetstream_domain) + std::string(verb) + "." + consumer.stream + "." +
         consumer.consumer;
}

void Delivery::wake(Pull& pull) {
  if (const auto waiting = std::exchange(pull.wake, std::nullopt)) waiting->complete({});
}

void Delivery::publish(std::string subject, std::string payload) {
  // One that is lost makes the message come again, which its handler has to expect anyway.
  static_cast<void>(
      line_->bus().publish({.subject = std::move(subject), .reply = {}, .headers = {}, .payload = std::move(payload)}));
}

void Delivery::settle(const std::shared_ptr<Pull>& pull, const std::string& acknowledge_at, std::string verdict) {
  pull->under_way.erase(acknowledge_at);
  publish(acknowledge_at, std::move(verdict));
  wake(*pull);
}

void Delivery::take_pulled(const std::shared_ptr<Pull>& pull, bus::Message message) {
  if (is_closing_) return;
  if (const auto status = message.header("Status"); !status.empty()) {
    if (status == "100") return;  // a heartbeat
    // 404 and 408: nothing came in time. 409: the server gave up, 503: nobody knows the consumer.
    pull->asked = 0;
    pull->is_lost = status == "409" || status == "503";
    return wake(*pull);
  }
  if (message.reply.empty()) return;
  pull->asked -= std::min<std::size_t>(pull->asked, 1);
  pull->under_way.insert(message.reply);
  bool is_free = false;
  {
    const std::scoped_lock lock(mutex_);
    is_free = under_way_ < kMaxUnderWay;
  }
  Item item{.message = std::move(message), .pull = pull};
  is_free ? send(std::move(item)) : waiting_.push_back(std::move(item));
  if (pull->asked == 0) wake(*pull);
}

async::Task<nanoseconds> Delivery::look_at(std::shared_ptr<Pull> pull) {
  const auto& name = pull->setting;
  bus::Message question{.subject = api("CONSUMER.INFO", name), .reply = {}, .headers = {}, .payload = {}};
  WEFT_CO_TRY(const auto answer, co_await line_->bus().request(std::move(question), kApiTimeout));
  boost::system::error_code fault;
  const auto value = json::parse(answer.payload, fault);
  const auto* object = fault ? nullptr : value.if_object();
  const auto* config = object == nullptr ? nullptr : object->if_contains("config");
  if (config == nullptr || !config->is_object()) {
    co_return Error(Errc::not_found, "there is no consumer " + name.consumer + " of a stream " + name.stream,
                    "create it: nats consumer add " + name.stream + " " + name.consumer + " --pull", Blame::operator_);
  }
  if (config->get_object().contains("deliver_subject")) {
    co_return Error(Errc::invalid_argument, "the consumer " + name.consumer + " of " + name.stream + " pushes",
                    "create one that is pulled from: nats consumer add " + name.stream + " --pull", Blame::operator_);
  }
  const auto* wait = config->get_object().if_contains("ack_wait");
  co_return wait != nullptr && wait->is_int64() ? nanoseconds(wait->get_int64())
                                                : nanoseconds(std::chrono::seconds(30));
}

async::Task<void> Delivery::follow(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull) {
  auto wait = kFirstWait;
  bool has_progress = false;
  while (!self->is_closing_) {
    const auto ack_wait = co_await self->look_at(pull);
    if (!ack_wait) {
      self->missing_.lost(ack_wait.error().to_string());
      WEFT_CO_CHECK(co_await async::sleep_for(wait));
      wait = std::min(wait * 2, kLongestWait);
      continue;
    }
    self->missing_.delivered();
    wait = kFirstWait;
    if (self->is_closing_) break;
    if (!std::exchange(has_progress, true)) {
      self->line_->spawn("keeping messages in progress",
                         stay_in_progress(self, pull, std::max<nanoseconds>(*ack_wait / 3, kShortestProgress)),
                         nats::Work::service);
    }
    auto inbox = self->line_->bus().new_inbox();
    WEFT_CO_TRY(pull->inbox, self->line_->bus().subscribe(
                                 self->line_->shard(), inbox, {},
                                 [weak = std::weak_ptr(self), pull_weak = std::weak_ptr(pull)](bus::Message message) {
                                   const auto owner = weak.lock();
                                   const auto owned = pull_weak.lock();
                                   if (owner && owned) owner->take_pulled(owned, std::move(message));
                                 }));
    pull->asked = 0;
    pull->is_lost = false;
    WEFT_CO_CHECK(co_await pull_from(self, pull, std::move(inbox)));
    pull->inbox.reset();
    WEFT_CO_CHECK(co_await async::sleep_for(kFirstWait));
  }
  co_return Result<void>();
}

async::Task<void> Delivery::pull_from(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull, std::string inbox) {
  while (!self->is_closing_ && !pull->is_lost) {
    // Asked for again when half of what was given is done: the next messages are then there in time.
    const auto room = pull->room();
    if (pull->asked == 0 && room > 0 && room * 2 >= pull->setting.max_messages) {
      json::object wanted{{"batch", room}, {"expires", nanoseconds(kPullExpires).count()}};
      if (pull->setting.max_bytes > 0) wanted["max_bytes"] = pull->setting.max_bytes;
      pull->asked = room;
      static_cast<void>(self->line_->bus().publish({.subject = self->api("CONSUMER.MSG.NEXT", pull->setting),
                                                    .reply = inbox,
                                                    .headers = {},
                                                    .payload = json::serialize(wanted)}));
    }
    const auto woken = co_await async::with_deadline(
        async::wait_for_completion<void>([&pull](const async::Completion<void>& done) { pull->wake.emplace(done); }),
        kPullLost);
    if (!woken && woken.error().code() == Errc::cancelled) co_return woken;
    if (!woken) pull->asked = 0;  // neither messages nor a word
  }
  co_return Result<void>();
}

async::Task<void> Delivery::stay_in_progress(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull,
                                             nanoseconds every) {
  while (!self->is_over_) {
    WEFT_CO_CHECK(co_await async::sleep_for(every));
    if (self->is_over_) break;
    for (const auto& place : pull->under_way) self->publish(place, std::string(kInProgress));
  }
  co_return Result<void>();
}

}  // namespace weft::builtins::messaging_nats
