// SPDX-License-Identifier: Apache-2.0
/// A caller for tests of targets: encodes the parameters, invokes on a shard of its own, and waits, with a deadline.
///
/// Threads: those of the test; several may call at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>
#include <weft/value.hpp>

#include "async/on_shard.hpp"
#include "async/shard.hpp"
#include "builtins/provider.hpp"
#include "dispatch/target.hpp"

namespace weft::builtins {

/// Two threads as the host's pool for blocking work.
class FakePool {
 public:
  explicit FakePool(std::size_t max_queued = 1000) : max_queued_(max_queued) {
    for (auto& thread : threads_) thread = std::thread([this] { run(); });
  }
  ~FakePool() {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  FakePool(const FakePool&) = delete;
  FakePool& operator=(const FakePool&) = delete;

  PostBlocking post() {
    return [this](std::move_only_function<void() noexcept> work) {
      const std::scoped_lock lock(mutex_);
      if (queue_.size() >= max_queued_) return false;
      queue_.push_back(std::move(work));
      wake_.notify_one();
      return true;
    };
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (ending_) return;
      auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void() noexcept>> queue_;
  bool ending_ = false;
  std::thread threads_[2];
};

class FakeCaller {
 public:
  static constexpr std::chrono::seconds kDeadline{20};
  using Bytes = std::vector<std::byte>;

  explicit FakeCaller(std::size_t shards = 2) : pool_(shards) {}

  [[nodiscard]] async::ShardPool& shards() { return pool_; }

  /// One call under way. Destroying it cancels.
  class Call final : public dispatch::CallHandler {
   public:
    explicit Call(async::Shard& shard) : shard_(shard) {}
    ~Call() { cancel(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// On the shard, and done when it is.
    void cancel() {
      async::on_shard(shard_, [this] { pending_.reset(); });
    }
    Result<Bytes> wait() {
      if (future_.wait_for(kDeadline) != std::future_status::ready) {
        return Error(Errc::deadline_exceeded, "the test waited too long");
      }
      return future_.get();
    }
    [[nodiscard]] bool is_told() const {
      return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
    void on_results(std::span<const std::byte> results) override {
      pending_.reset();
      promise_.set_value(Bytes(results.begin(), results.end()));
    }
    void on_error(Error error) override {
      pending_.reset();
      promise_.set_value(std::move(error));
    }

   private:
    friend class FakeCaller;
    async::Shard& shard_;
    std::promise<Result<Bytes>> promise_;
    std::future<Result<Bytes>> future_ = promise_.get_future();
    std::unique_ptr<dispatch::PendingCall> pending_;
  };

  /// Begins a call on a shard; returns when invoke() has.
  std::unique_ptr<Call> begin(dispatch::Target& target, std::string_view interface, std::string_view function,
                              std::span<const std::byte> params, std::size_t shard = 0) {
    auto call = std::make_unique<Call>(pool_.at(shard));
    async::on_shard(pool_.at(shard), [&] {
      call->pending_ = target.invoke(
          pool_.at(shard),
          dispatch::Invocation{.interface = interface, .function = function, .params = params, .context = context},
          *call);
    });
    return call;
  }

  Result<Bytes> call_bytes(dispatch::Target& target, std::string_view interface, std::string_view function,
                           std::span<const std::byte> params, std::size_t shard = 0) {
    return begin(target, interface, function, params, shard)->wait();
  }

  /// call<bool>(target, "acme:a/b", "f", "text", 3)
  template <class T, class... A>
  Result<T> call(dispatch::Target& target, std::string_view interface, std::string_view function, const A&... params) {
    return call_on<T>(0, target, interface, function, params...);
  }
  template <class T, class... A>
  Result<T> call_on(std::size_t shard, dispatch::Target& target, std::string_view interface, std::string_view function,
                    const A&... params) {
    ValueWriter writer;
    (write_value(writer, params), ...);
    auto results = call_bytes(target, interface, function, writer.bytes(), shard);
    if (!results) return std::move(results).error();
    return decode<T>(*results);
  }

  /// Of the calls begun next.
  dispatch::CallContext context{.source = "caller", .link_name = "default"};

 private:
  async::ShardPool pool_;
};

}  // namespace weft::builtins
