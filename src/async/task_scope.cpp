// SPDX-License-Identifier: Apache-2.0
#include "async/task_scope.hpp"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "async/task_root.hpp"
#include "base/assert.hpp"

namespace weft::async {

namespace asio = boost::asio;

// Shared by the scope and the handlers of what it started: those of a stopped shard are destroyed after the scope.
struct TaskScope::State : std::enable_shared_from_this<TaskScope::State> {
  struct Running {
    std::string name;
    asio::cancellation_signal signal;
    std::list<std::shared_ptr<Running>>::iterator place;
  };

  State(Shard& where, FailureHandler handler) : shard(where), on_failure(std::move(handler)), emptied(where.io()) {}

  void arrive(std::string name, Task<void> task) {
    if (closing) {
      const auto dropped = std::move(task);
    } else {
      start(std::move(name), std::move(task));
    }
    arriving.fetch_sub(1);
    tell_if_empty();
  }

  void start(std::string name, Task<void> task) {
    auto entry = std::make_shared<Running>();
    entry->name = std::move(name);
    entry->place = running.insert(running.end(), entry);
    auto outcome = std::make_shared<std::optional<Result<void>>>();
    auto& signal = entry->signal;
    asio::co_spawn(shard.io(), settle<void>(std::move(task), outcome),
                   asio::bind_cancellation_slot(signal.slot(), [self = shared_from_this(), entry = std::move(entry),
                                                                outcome](const std::exception_ptr& exception) {
                     self->end(*entry, exception ? Result<void>(to_error(exception)) : std::move(outcome->value()));
                   }));
  }

  void end(Running& entry, const Result<void>& outcome) {
    const std::string name = std::move(entry.name);
    running.erase(entry.place);
    if (!outcome && outcome.error().code() != Errc::cancelled && on_failure) {
      on_failure(name, outcome.error());
    }
    tell_if_empty();
  }

  void cancel_running() {
    // A copy: what is told may end, and leave the list.
    const std::vector<std::shared_ptr<Running>> told(running.begin(), running.end());
    for (const auto& entry : told) {
      entry->signal.emit(asio::cancellation_type::terminal);
    }
  }

  [[nodiscard]] bool is_empty() const { return running.empty() && arriving == 0; }

  void tell_if_empty() {
    if (closing && is_empty()) {
      emptied.cancel();
    }
  }

  Shard& shard;
  FailureHandler on_failure;
  asio::steady_timer emptied;
  std::list<std::shared_ptr<Running>> running;
  std::atomic<std::size_t> arriving{0};  // spawned, and not yet on the shard
  std::atomic<bool> closing{false};
};

TaskScope::TaskScope(Shard& shard, FailureHandler on_failure)
    : state_(std::make_shared<State>(shard, std::move(on_failure))) {}

TaskScope::~TaskScope() {
  state_->closing = true;
  WEFT_ASSERT(state_->shard.io().stopped() || state_->is_empty());
}

void TaskScope::spawn(std::string name, Task<void> task) {
  // Decided on the shard, so that also a dropped task's parameters are destroyed there.
  state_->arriving.fetch_add(1);
  asio::post(state_->shard.io(), [state = state_, name = std::move(name), task = std::move(task)]() mutable {
    state->arrive(std::move(name), std::move(task));
  });
}

void TaskScope::cancel() {
  asio::post(state_->shard.io(), [state = state_]() { state->cancel_running(); });
}

asio::awaitable<void> TaskScope::close() {
  const auto state = state_;
  state->closing = true;
  state->cancel_running();
  while (!state->is_empty()) {
    state->emptied.expires_at(asio::steady_timer::time_point::max());
    // Ends early when the closer itself is cancelled; the children are waited for all the same.
    co_await state->emptied.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void TaskScope::close_and_wait() {
  WEFT_ASSERT(!state_->shard.is_current());
  // Shared: this thread may go on while the other is still on its way out of set_value().
  const auto closed = std::make_shared<std::promise<void>>();
  asio::co_spawn(state_->shard.io(), close(), [closed](const std::exception_ptr&) { closed->set_value(); });
  closed->get_future().wait();
}

Shard& TaskScope::shard() noexcept { return state_->shard; }

std::size_t TaskScope::size() const noexcept { return state_->running.size(); }

}  // namespace weft::async
