// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/pool.hpp"

#include <algorithm>
#include <utility>

namespace weft::builtins::keyvalue_redis {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{20};

Error closed_error() { return {Errc::unavailable, "the link has gone, or the provider is being stopped"}; }

bool is_cancelled(const CallInfo* call) { return call != nullptr && call->is_cancelled(); }

/// The connection failed, and not the command.
bool is_lost(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
}

}  // namespace

Result<Answer> Pool::ask(const CallInfo* call, std::span<const std::string_view> words, Repeat repeat) {
  WEFT_TRY(auto connection, take(call));
  auto answer = connection.ask(words);
  const bool is_broken = connection.is_broken();
  // A server that was too slow once is not asked again: it is busy.
  const bool tries_again = is_broken && repeat == Repeat::allowed && !is_cancelled(call) && !answer &&
                           answer.error().code() == Errc::unavailable;
  give(std::move(connection));
  if (!tries_again) {
    if (is_broken && repeat == Repeat::never && !answer && is_lost(answer.error())) {
      return Error(answer.error().code(), answer.error().message() + "; it may have been done all the same",
                   answer.error().hint(), Blame::environment);
    }
    return answer;
  }
  WEFT_TRY(auto fresh, take(call));
  answer = fresh.ask(words);
  give(std::move(fresh));
  return answer;
}

Result<void> Pool::look() {
  WEFT_TRY(auto connection, take(nullptr));
  give(std::move(connection));
  return {};
}

Result<Connection> Pool::take(const CallInfo* call) {
  {
    std::unique_lock lock(mutex_);
    const auto end = Clock::now() + settings_.response_timeout;
    const auto is_ready = [this] { return is_closed_ || !idle_.empty() || open_ < kMaxConnections; };
    if (!changed_.wait_until(lock, end, is_ready)) {
      return Error(Errc::unavailable, "all connections to the Redis server at " + server_.shown() + " are in use",
                   "call it less often at once", Blame::guest);
    }
    if (is_closed_) return closed_error();
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (!connection.is_stale()) return connection;
      --open_;
    }
    if (away_ && Clock::now() < away_until_) return Error(*away_);
    ++open_;
  }
  auto connection = connect(call);
  if (!connection) give_up_place();
  return connection;
}

Result<Connection> Pool::connect(const CallInfo* call) {
  auto delay = std::min(kFirstDelay, settings_.longest_delay);
  for (std::uint32_t attempt = 0;; ++attempt) {
    auto connection = Connection::open(server_, settings_.connect_timeout, settings_.response_timeout);
    std::unique_lock lock(mutex_);
    if (connection) {
      away_.reset();
      return connection;
    }
    if (!is_lost(connection.error()) || attempt >= settings_.retries || is_cancelled(call)) {
      away_ = connection.error();
      away_until_ = Clock::now() + settings_.longest_delay;
      return connection;
    }
    if (changed_.wait_for(lock, delay, [this] { return is_closed_; })) return closed_error();
    delay = std::min(delay * 2, settings_.longest_delay);
  }
}

void Pool::give(Connection connection) {
  {
    const std::scoped_lock lock(mutex_);
    if (connection.is_broken() || is_closed_) {
      --open_;
    } else {
      idle_.push_back(std::move(connection));
    }
  }
  changed_.notify_all();
}

void Pool::give_up_place() {
  {
    const std::scoped_lock lock(mutex_);
    --open_;
  }
  changed_.notify_all();
}

void Pool::close() {
  std::vector<Connection> ended;
  {
    const std::scoped_lock lock(mutex_);
    is_closed_ = true;
    ended.swap(idle_);
    open_ -= ended.size();
  }
  changed_.notify_all();
}

}  // namespace weft::builtins::keyvalue_redis
