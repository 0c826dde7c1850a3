// SPDX-License-Identifier: Apache-2.0
#include "bus/local_dispatch.hpp"

#include <utility>

#include "async/deadline.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {
namespace {

constexpr std::size_t kMaxStates = 64;

QueueFull to_queue_policy(WhenFull when_full) {
  switch (when_full) {
    case WhenFull::drop_newest:
      return QueueFull::drop_newest;
    case WhenFull::drop_oldest:
      return QueueFull::drop_oldest;
  }
  return QueueFull::drop_newest;
}

/// Completes when the last of several has told.
struct Countdown {
  Countdown(std::size_t count, async::Completion<bool> completion) : left(count), done(std::move(completion)) {}
  void tell() {
    if (left.fetch_sub(1) == 1) {
      done.complete(true);
    }
  }
  std::atomic<std::size_t> left;
  async::Completion<bool> done;
};

}  // namespace

Error no_responders(const std::string& subject) {
  return {Errc::unavailable, "nobody listens to '" + subject + "'", {}, Blame::environment};
}

void LocalDispatch::set_state(BusState state) {
  const std::lock_guard lock(mutex_);
  if (state_ == state || state_ == BusState::closed) {
    return;
  }
  state_ = state;
  for (const auto& [id, watcher] : watchers_) {
    watcher->push(state);
  }
}

std::unique_ptr<Subscription> LocalDispatch::on_state(async::Shard& shard, std::function<void(BusState)> handler) {
  const auto queue = std::make_shared<StateQueue>(shard, kMaxStates, QueueFull::drop_oldest, std::move(handler));
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_watcher_++;
  queue->push(state_);
  watchers_.emplace(id, queue);
  return std::make_unique<EndingSubscription>([self = shared_from_this(), id, queue] {
    {
      const std::lock_guard inner(self->mutex_);
      self->watchers_.erase(id);
    }
    queue->close();
  });
}

Result<std::unique_ptr<Subscription>> LocalDispatch::subscribe(async::Shard& shard, std::string subject,
                                                               SubscribeOptions options, MessageHandler handler,
                                                               ListenHooks hooks) {
  WEFT_CHECK(check_pattern(subject));
  WEFT_CHECK(check_queue_group(options.queue_group));
  const auto queue =
      std::make_shared<ShardQueue<Message>>(shard, options.max_pending, to_queue_policy(options.when_full),
                                            std::move(handler), std::move(options.on_dropped));
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) {
      return Error(Errc::unavailable, "the bus is closed, nothing more can be subscribed to");
    }
    id = index_.add({.pattern = std::move(subject), .queue_group = std::move(options.queue_group), .queue = queue});
  }
  if (hooks.joined) {
    hooks.joined(id);
  }
  // Leaves once: by draining, else at its end.
  auto leave = [self = shared_from_this(), id, leaving = std::move(hooks.leaving), has_left = false]() mutable {
    if (std::exchange(has_left, true)) {
      return;
    }
    if (leaving) {
      leaving(id);
    }
    const std::lock_guard lock(self->mutex_);
    self->index_.remove(id);
  };
  const auto shared = std::make_shared<decltype(leave)>(std::move(leave));
  return std::unique_ptr<Subscription>(std::make_unique<EndingSubscription>(
      [shared, queue] {
        (*shared)();
        queue->close();
      },
      [shared, queue](EndingSubscription::Done done) {
        (*shared)();
        queue->finish(std::move(done));
      }));
}

bool LocalDispatch::deliver(const Message& message) {
  // One lock for the whole delivery: whoever answers a message cannot overtake it on the way to a third.
  const std::lock_guard lock(mutex_);
  bool found = false;
  if (const auto waiting = answers_.find(message.subject); waiting != answers_.end()) {
    waiting->second.complete(message);
    answers_.erase(waiting);
    found = true;
  }
  for (const auto& queue : index_.find(message.subject)) {
    dropped_ += queue->push(message);
    found = true;
  }
  return found;
}

void LocalDispatch::deliver_to(std::uint64_t listener, Message message) {
  const std::lock_guard lock(mutex_);
  if (const auto queue = index_.queue_of(listener); queue != nullptr) {
    dropped_ += queue->push(std::move(message));
  }
}

std::vector<std::uint64_t> LocalDispatch::listeners() const {
  const std::lock_guard lock(mutex_);
  return index_.ids();
}

async::Task<Message> LocalDispatch::await_answer(std::string inbox, std::chrono::milliseconds timeout,
                                                 std::string subject, std::move_only_function<Result<void>()> send) {
  const auto self = shared_from_this();
  auto wait = async::wait_for_completion<Message>([this, &inbox, &send](const async::Completion<Message>& done) {
    {
      const std::lock_guard lock(mutex_);
      answers_.emplace(inbox, done);
    }
    if (auto sent = send(); !sent) {
      end_answer(inbox, std::move(sent).error());
    }
  });
  auto answer = co_await async::with_deadline(std::move(wait), timeout);
  forget_answer(inbox);
  if (!answer && answer.error().code() == Errc::deadline_exceeded) {
    co_return Error(Errc::deadline_exceeded,
                    "no answer from '" + subject + "' within " + std::to_string(timeout.count()) + " ms", {},
                    Blame::peer);
  }
  co_return answer;
}

void LocalDispatch::end_answer(const std::string& inbox, Result<Message> outcome) {
  const std::lock_guard lock(mutex_);
  if (const auto waiting = answers_.find(inbox); waiting != answers_.end()) {
    waiting->second.complete(std::move(outcome));
    answers_.erase(waiting);
  }
}

void LocalDispatch::fail_all_answers(const Error& error) {
  const std::lock_guard lock(mutex_);
  for (const auto& [inbox, waiting] : answers_) {
    waiting.complete(error);
  }
  answers_.clear();
}

void LocalDispatch::forget_answer(const std::string& inbox) {
  const std::lock_guard lock(mutex_);
  answers_.erase(inbox);
}

async::Task<void> LocalDispatch::finish(std::chrono::milliseconds timeout) {
  const auto self = shared_from_this();
  auto wait = async::wait_for_completion<bool>([this](const async::Completion<bool>& done) { begin_finish(done); });
  auto outcome = co_await async::with_deadline(std::move(wait), timeout);
  if (!outcome) {
    co_return std::move(outcome).error().in("draining the bus");
  }
  co_return Result<void>();
}

void LocalDispatch::begin_finish(const async::Completion<bool>& done) {
  std::vector<Listener> listeners;
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    listeners = index_.take_all();
  }
  // One more, so that no listeners at all count down to the end too.
  const auto countdown = std::make_shared<Countdown>(listeners.size() + 1, done);
  for (const auto& listener : listeners) {
    listener.queue->finish([countdown] { countdown->tell(); });
  }
  countdown->tell();
}

}  // namespace weft::bus
