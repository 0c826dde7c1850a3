// SPDX-License-Identifier: Apache-2.0
/// From a callback on any thread (of a C library, of a pool) to a task that waits:
///
///   co_return co_await wait_for_completion<int>([&](Completion<int> done) { library_call(std::move(done)); });
///
/// A Completion is one chance to resume the awaiter, on the awaiter's own executor; copies share it, and the first to
/// complete wins. Cancelling the awaiter is one of the contenders. An awaiter whose Completions all go away unused sees
/// cancelled. The executor must be alive at complete(), which a task that is still waiting sees to. Threads: any.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include "async/task.hpp"

namespace weft::async {

template <class T>
class Completion {
 public:
  using Resume = std::move_only_function<void(Result<T>)>;
  explicit Completion(Resume resume) : state_(std::make_shared<State>(std::move(resume))) {}

  /// False when the awaiter has been resumed before.
  bool complete(Result<T> outcome) const { return state_->complete(std::move(outcome)); }

  /// For the awaiter's own cancellation, which must not keep an abandoned Completion alive.
  [[nodiscard]] auto make_canceller() const {
    return [weak = std::weak_ptr<State>(state_)] {
      if (const auto state = weak.lock()) {
        state->complete(Error(Errc::cancelled, "cancelled while waiting"));
      }
    };
  }

 private:
  class State {
   public:
    explicit State(Resume resume) : resume_(std::move(resume)) {}
    ~State() {
      if (resume_) resume_(Error(Errc::cancelled, "what was waited for was given up"));
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    bool complete(Result<T> outcome) {
      Resume resume;
      {
        const std::lock_guard lock(mutex_);
        resume.swap(resume_);
      }
      if (!resume) return false;
      resume(std::move(outcome));
      return true;
    }

   private:
    std::mutex mutex_;
    Resume resume_;
  };

  std::shared_ptr<State> state_;
};

/// Calls `begin(Completion<T>)` and waits until somebody completes.
template <class T, class Begin>
Task<T> wait_for_completion(Begin begin) {
  const auto initiate = [&begin](auto handler) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    // Read first: the handler moves into the function that needs it.
    const auto executor = boost::asio::get_associated_executor(handler);
    const Completion<T> completion([executor, handler = std::move(handler)](Result<T> outcome) mutable {
      boost::asio::post(executor, [handler = std::move(handler), outcome = std::move(outcome)]() mutable {
        std::move(handler)(std::move(outcome));
      });
    });
    if (slot.is_connected()) {
      slot.assign([cancel = completion.make_canceller()](boost::asio::cancellation_type) { cancel(); });
    }
    begin(completion);
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Result<T>)>(
      initiate, boost::asio::use_awaitable);
}

}  // namespace weft::async
