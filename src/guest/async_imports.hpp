// SPDX-License-Identifier: Apache-2.0
/// Calls of async functions that a guest imports: up to AsyncImports::kMost of them may be under way at once, beside
/// the one that it waits for.
///
/// Ownership: AsyncImports by GuestImports, which is their owner; borrows the engine's call until clear(). Threads: the
/// call's shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "dispatch/dispatcher.hpp"
#include "engine/call.hpp"

namespace weft::guest {

class AsyncImport;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

/// Told how each has ended, after which it is gone.
class AsyncImportOwner {
 public:
  virtual void on_async_results(AsyncImport& import, std::span<const std::byte> results,
                                dispatch::Channels channels) = 0;
  virtual void on_async_error(AsyncImport& import, Error error) = 0;

 protected:
  ~AsyncImportOwner() = default;
};

/// One of them.
class AsyncImport final : public dispatch::CallHandler {
 public:
  AsyncImport(AsyncImportOwner& owner, engine::Call& call, std::uint64_t token, std::uint32_t number)
      : owner_(owner), call_(call), token_(token), number_(number) {}
  AsyncImport(const AsyncImport&) = delete;
  AsyncImport& operator=(const AsyncImport&) = delete;
  ~AsyncImport() = default;

  [[nodiscard]] engine::Call& call() const noexcept { return call_; }
  [[nodiscard]] std::uint64_t token() const noexcept { return token_; }
  /// Of the import, as the engine counts them.
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] dispatch::CallMeter& meter() noexcept { return meter_; }
  void keep(std::unique_ptr<dispatch::PendingCall> pending) { pending_ = std::move(pending); }

 private:
  void on_results(std::span<const std::byte> results) override { on_streamed_results(results, {}); }
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) override {
    meter_.end(false);
    owner_.on_async_results(*this, results, std::move(channels));
  }
  void on_error(Error error) override {
    meter_.end(true);
    owner_.on_async_error(*this, std::move(error));
  }

  AsyncImportOwner& owner_;
  engine::Call& call_;
  std::uint64_t token_;
  std::uint32_t number_;
  dispatch::CallMeter meter_;
  std::unique_ptr<dispatch::PendingCall> pending_;
};

/// Those that have not ended, by their tokens.
class AsyncImports {
 public:
  static constexpr std::size_t kMost = 1024;

  [[nodiscard]] bool is_full() const noexcept { return calls_.size() >= kMost; }
  AsyncImport& add(AsyncImportOwner& owner, engine::Call& call, std::uint64_t token, std::uint32_t number) {
    return *(calls_[token] = std::make_unique<AsyncImport>(owner, call, token, number));
  }
  [[nodiscard]] AsyncImport* find(std::uint64_t token) const {
    const auto found = calls_.find(token);
    return found == calls_.end() ? nullptr : found->second.get();
  }
  /// To be destroyed by whoever took it, when nothing stands on it any more.
  [[nodiscard]] std::unique_ptr<AsyncImport> take(std::uint64_t token) {
    auto node = calls_.extract(token);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  void clear() noexcept { const auto all = std::exchange(calls_, {}); }

 private:
  std::map<std::uint64_t, std::unique_ptr<AsyncImport>> calls_;
};

}  // namespace weft::guest
