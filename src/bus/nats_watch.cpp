// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "bus/nats_key_value.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// One step of an attempt. Short, because the next attempt is as good and the server may just be starting.
constexpr milliseconds kStepTimeout{2000};
// Servers that choose a leader lose what they are asked meanwhile: they are asked again, and the first answer counts.
constexpr milliseconds kAskAgain{400};
// A cluster that has just lost a server may give the consumer to that one, and then nobody ever answers: not waited for
// long. Doubled when an answer comes after that, from servers that take their time.
constexpr milliseconds kFirstConsumerTimeout{300};
constexpr std::size_t kMostLateConsumers = 8;
constexpr milliseconds kFirstWait{50};
constexpr milliseconds kLongestWait{400};
constexpr int kMissedHeartbeats = 3;
// A machine that is too busy to hear them in time is given longer each time, until a consumer has lived so long.
constexpr int kMostMissedHeartbeats = 12;
constexpr milliseconds kLongLife{10'000};
// Flow control keeps a consumer from sending more than a few megabytes ahead; this is for when it does not.
constexpr std::size_t kMaxPending = std::size_t{1} << 20;

// Where answers come in from nats.c's threads. Shut before the shard may go.
struct Door {
  std::mutex mutex;
  async::Shard* shard;  // null: shut
};

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(std::shared_ptr<NatsConnection> connection, BucketSubjects subjects, IfMissing if_missing, async::Shard& shard,
        BucketWatcher& watcher)
      : connection_(std::move(connection)),
        subjects_(std::move(subjects)),
        if_missing_(if_missing),
        shard_(shard),
        watcher_(watcher),
        door_(std::make_shared<Door>()),
        timer_(shard.io()) {
    door_->shard = &shard;
  }

  void start() {
    state_subscription_ = connection_->on_state(shard_, [weak = weak_from_this()](BusState state) {
      if (const auto self = weak.lock()) {
        self->handle_state(state);
      }
    });
  }

  void close() {
    is_closed_ = true;
    {
      const std::lock_guard lock(door_->mutex);
      door_->shard = nullptr;
    }
    state_subscription_.reset();
    abandon();
    forget_late_consumers(0);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Step = void (Watch::*)(const Message& answer);
  struct Question {
    std::string verb, body;
    Step next = nullptr;
    Clock::time_point end;
  };

  void handle_state(BusState state) {
    if (state == BusState::connected) {
      wait_ = kFirstWait;
      begin();
    } else {
      abandon();
    }
  }

  // Ends the attempt under way; what it still brings is recognised by its number.
  void abandon() {
    ++attempt_;
    disarm();
    forget_requests();
    if (mailbox_) {
      mailbox_->close();
      mailbox_.reset();
      delivery_->end();
      delivery_.reset();
    }
    if (!consumer_.empty()) {
      remove_consumer(std::exchange(consumer_, {}));
    }
  }

  /// The server would forget it by itself, some seconds later. Nobody waits for the answer.
  void remove_consumer(std::string_view name) {
    Message message;
    message.subject = fmt::format("{}.{}", subjects_.api("CONSUMER.DELETE"), name);
    static_cast<void>(connection_->publish(message));
  }

  void begin() {
    abandon();
    ask("STREAM.INFO", {}, &Watch::handle_stream);
  }

  void retry(const Error& error) {
    if (wait_ == kFirstWait) {
      connection_->log(LogLevel::warning, fmt::format("nats: watching the bucket {}: {}; trying on", subjects_.bucket(),
                                                      error.to_string()));
    }
    abandon();
    arm(wait_, [](Watch& self) { self.begin(); });
    wait_ = std::min(wait_ * 2, kLongestWait);
  }

  void arm(milliseconds after, void (*then)(Watch& self)) {
    timer_.expires_after(after);
    timer_.async_wait([weak = weak_from_this(), alarm = ++alarm_, then](const boost::system::error_code& fault) {
      // The number tells an alarm that was called off too late.
      const auto self = weak.lock();
      if (!fault && self && self->alarm_ == alarm) {
        then(*self);
      }
    });
  }

  void disarm() {
    ++alarm_;
    timer_.cancel();
  }

  /// Asks again and again until something answers, or the step has taken too long.
  void ask(std::string_view verb, std::string body, Step next) {
    question_ = {.verb = std::string(verb), .body = std::move(body), .next = next, .end = Clock::now() + kStepTimeout};
    ask_once();
  }

  void ask_once() {
    send(question_.verb, question_.body, question_.next);
    arm(std::min(kAskAgain, std::chrono::ceil<milliseconds>(question_.end - Clock::now())),
        [](Watch& self) { Clock::now() < self.question_.end ? self.ask_once() : self.give_up_waiting(); });
  }

  void give_up_waiting() { retry({Errc::deadline_exceeded, "JetStream does not answer", {}, Blame::environment}); }

  void send(std::string_view verb, std::string body, Step next) {
    Message message;
    message.subject = subjects_.api(verb);
    message.payload = std::move(body);
    const NatsRequests::Done done([door = door_, weak = weak_from_this(), step = step_, next](Result<Message> answer) {
      const std::lock_guard lock(door->mutex);
      if (door->shard == nullptr) {
        return;
      }
      asio::post(door->shard->io(), [weak, step, next, answer = std::move(answer)] {
        const auto self = weak.lock();
        if (self && self->step_ == step) {
          self->handle_answer(next, answer);
        } else if (self && next == &Watch::handle_consumer && answer) {
          self->handle_late_consumer(*answer);
        }  // else a later step, or attempt, does not want it
      });
    });
    requests_.push_back(connection_->send_request(std::move(message), done));
  }

  void forget_requests() {
    ++step_;
    for (const auto request : std::exchange(requests_, {})) {
      connection_->forget_request(request);
    }
  }

  void handle_answer(Step next, const Result<Message>& answer) {
    disarm();
    forget_requests();
    if (answer) {
      (this->*next)(*answer);
    } else {
      retry(jetstream_error(Error(answer.error()), *connection_));
    }
  }

  void handle_stream(const Message& answer) {
    auto info = decode_stream(answer.payload);
    if (!info && info.error().code() == Errc::not_found) {
      if (if_missing_ == IfMissing::fail) {
        return retry(no_bucket(subjects_.bucket()));
      }
      return ask("STREAM.CREATE", encode_stream(subjects_), &Watch::handle_created);
    }
    info ? follow(*info) : retry(info.error());
  }

  void handle_created(const Message& answer) {
    const auto info = decode_stream(answer.payload);
    if (!info && info.error().code() == Errc::already_exists) {
      return ask("STREAM.INFO", {}, &Watch::handle_stream);
    }
    info ? follow(*info) : retry(info.error());
  }

  void follow(const StreamInfo& stream) {
    // Another stream of that name, or the same one with a part of its past lost.
    if (stream.created != created_ || stream.last_revision < revision_) {
      created_ = stream.created;
      revision_ = 0;
    }
    last_at_start_ = stream.last_revision;
    deliveries_ = 0;
    idle_heartbeats_ = 0;
    expected_.reset();
    is_current_ = false;
    const auto inbox = listen();
    if (!inbox) {
      return retry(inbox.error());
    }
    send("CONSUMER.CREATE",
         encode_consumer(subjects_, {.deliver_to = *inbox,
                                     .filter = subjects_.stored(">"),
                                     .first_revision = revision_ == 0 ? 0 : revision_ + 1,
                                     .heartbeat = connection_->options().watch_heartbeat}),
         &Watch::handle_consumer);
    arm(consumer_timeout_, [](Watch& self) {
      self.late_consumers_.insert(self.late_consumers_.end(), self.requests_.begin(), self.requests_.end());
      self.requests_.clear();
      self.forget_late_consumers(kMostLateConsumers);
      self.give_up_waiting();
    });
  }

  void handle_late_consumer(const Message& answer) {
    if (const auto consumer = decode_consumer(answer.payload)) {
      consumer_timeout_ = std::min(consumer_timeout_ * 2, kStepTimeout);
      remove_consumer((*consumer).name);
    }
  }

  /// But for the newest so many.
  void forget_late_consumers(std::size_t but) {
    for (; late_consumers_.size() > but; late_consumers_.pop_front()) {
      connection_->forget_request(late_consumers_.front());
    }
  }

  Result<std::string> listen() {
    WEFT_TRY(auto inbox, connection_->new_inbox());
    auto mailbox = std::make_shared<Mailbox>(shard_, kMaxPending, QueueFull::drop_newest,
                                             [weak = weak_from_this(), attempt = attempt_](Message message) {
                                               const auto self = weak.lock();
                                               if (self && self->attempt_ == attempt) {
                                                 self->handle_delivery(std::move(message));
                                               }
                                             });
    SubscribeOptions options;
    options.max_pending = kMaxPending;
    WEFT_TRY(delivery_, connection_->subscribe(inbox, options, mailbox));
    mailbox_ = std::move(mailbox);
    return inbox;
  }

  void handle_consumer(const Message& answer) {
    auto consumer = decode_consumer(answer.payload);
    if (!consumer) {
      return retry(consumer.error());
    }
    consumer_ = std::move((*consumer).name);
    expected_ = (*consumer).pending;
    wait_ = kFirstWait;
    consumer_timeout_ = kFirstConsumerTimeout;
    made_ = heard_ = Clock::now();
    watch_heartbeat();
    tell_if_current(false);
  }

  void handle_delivery(Message message) {
    heard_ = Clock::now();
    if (message.header("Status") == "100") {
      return handle_idle(message);
    }
    const auto position = parse_position(message.reply);
    if (!position) {
      return;
    }
    if (position->delivery != deliveries_ + 1) {
      return retry({Errc::unavailable, "a delivery was lost", {}, Blame::environment});
    }
    ++deliveries_;
    idle_heartbeats_ = 0;
    if (position->revision > revision_) {
      revision_ = position->revision;
      if (!tell(std::move(message))) {
        return;
      }
    }
    tell_if_current(position->pending == 0 || revision_ >= last_at_start_);
  }

  // False when the watcher has ended the watch meanwhile.
  bool tell(Message message) {
    Entry entry;
    entry.key = subjects_.key_of(message.subject);
    entry.revision = revision_;
    entry.operation = operation_of(message);
    if (entry.operation == Operation::put) {
      entry.value = std::move(message.payload);
    }
    watcher_.on_entry(entry);
    return !is_closed_;
  }

  // A heartbeat, or the server's question whether what it sent has been dealt with: it has, when this is reached.
  void handle_idle(const Message& message) {
    const auto stalled = message.header("Nats-Consumer-Stalled");
    const auto answer_to = message.reply.empty() ? stalled : std::string_view(message.reply);
    if (!answer_to.empty()) {
      Message answer;
      answer.subject = answer_to;
      static_cast<void>(connection_->publish(answer));
    }
    if (const auto sent = parse_number(message.header("Nats-Last-Consumer")); sent && *sent > deliveries_) {
      retry({Errc::unavailable, "a delivery was lost", {}, Blame::environment});
    } else if (sent && expected_ && answer_to.empty()) {
      // A server that waits for flow control is idle too, so one heartbeat alone proves nothing. Several in a row do:
      // what was counted at the start has been removed since.
      tell_if_current(++idle_heartbeats_ >= kMissedHeartbeats);
    }
  }

  void tell_if_current(bool has_all) {
    if (!is_current_ && (has_all || (expected_ && deliveries_ >= *expected_))) {
      is_current_ = true;
      watcher_.on_current();
    }
  }

  void watch_heartbeat() {
    if (heard_ - made_ > kLongLife) {
      may_miss_ = kMissedHeartbeats;
    }
    const auto lost = heard_ + connection_->options().watch_heartbeat * may_miss_;
    const auto left = std::chrono::ceil<milliseconds>(lost - Clock::now());
    if (left.count() <= 0) {
      may_miss_ = std::min(may_miss_ * 2, kMostMissedHeartbeats);
      return retry({Errc::unavailable, "its consumer is silent", {}, Blame::environment});
    }
    arm(left, [](Watch& self) { self.watch_heartbeat(); });
  }

  const std::shared_ptr<NatsConnection> connection_;
  const BucketSubjects subjects_;
  const IfMissing if_missing_;
  async::Shard& shard_;
  BucketWatcher& watcher_;
  const std::shared_ptr<Door> door_;
  asio::steady_timer timer_;  // a step's limit, the wait before an attempt, or the next look at the heartbeats
  std::unique_ptr<Subscription> state_subscription_;

  bool is_closed_ = false;
  milliseconds wait_ = kFirstWait;
  std::string created_;         // of the stream that revision_ is about
  std::uint64_t revision_ = 0;  // the last one told

  std::uint64_t attempt_ = 0;
  std::uint64_t alarm_ = 0;
  std::uint64_t step_ = 0;
  Question question_;  // that is being asked
  std::vector<std::uint64_t> requests_;
  std::deque<std::uint64_t> late_consumers_;  // requests for some that were not there in time, and may still come
  milliseconds consumer_timeout_ = kFirstConsumerTimeout;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<NatsDelivery> delivery_;
  std::string consumer_;
  std::uint64_t last_at_start_ = 0;
  std::uint64_t deliveries_ = 0;
  int idle_heartbeats_ = 0;
  std::optional<std::uint64_t> expected_;
  bool is_current_ = false;
  int may_miss_ = kMissedHeartbeats;  // heartbeats, in a row
  Clock::time_point made_;            // the consumer
  Clock::time_point heard_;
};

}  // namespace

Result<std::unique_ptr<Subscription>> start_watch(std::shared_ptr<NatsConnection> connection, BucketSubjects subjects,
                                                  IfMissing if_missing, async::Shard& shard, BucketWatcher& watcher) {
  auto watch = std::make_shared<Watch>(std::move(connection), std::move(subjects), if_missing, shard, watcher);
  watch->start();
  return std::make_unique<EndingSubscription>([watch = std::move(watch)] { watch->close(); });
}

}  // namespace weft::bus
