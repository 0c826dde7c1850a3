// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/redis_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "async/fence_count.hpp"

namespace weft::builtins::keyvalue_redis {
namespace {

constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{2'000};

}  // namespace

Event event_of(std::string_view name) noexcept {
  constexpr std::array sets = {"set", "setrange", "incrby", "incrbyfloat", "append", "rename_to", "restore", "copy_to"};
  constexpr std::array erases = {"del", "expired", "evicted", "rename_from"};
  if (std::ranges::find(sets, name) != sets.end()) return Event::set;
  return std::ranges::find(erases, name) != erases.end() ? Event::erased : Event::nothing;
}

bool notifies(std::string_view setting) noexcept {
  const bool has_all = setting.contains('A');
  return setting.contains('K') && (has_all || (setting.contains('$') && setting.contains('g')));
}

RedisWatch::RedisWatch(std::shared_ptr<Pool> pool, keyvalue::WatchList list, std::shared_ptr<keyvalue::WatchFeed> feed,
                       std::string provider, LogSink log)
    : pool_(std::move(pool)),
      list_(std::move(list)),
      feed_(std::move(feed)),
      provider_(std::move(provider)),
      log_(std::move(log)) {
  const auto prefix = "__keyspace@" + std::to_string(pool_->server().database) + "__:";
  for (const auto* keys : {&list_.set, &list_.erased}) {
    for (const auto& key : *keys) keys_.emplace(prefix + key, key);
  }
}

RedisWatch::~RedisWatch() { close(); }

Result<void> RedisWatch::start() {
  if (keys_.empty()) return {};
  stop_ = eventfd(0, EFD_CLOEXEC);
  if (stop_ < 0) return Error(Errc::io, "no descriptor is left for watching Redis");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return Error(Errc::io, "no thread is left for watching Redis");
  }
  return {};
}

void RedisWatch::close() {
  feed_->close();
  if (thread_.joinable()) {
    static_cast<void>(eventfd_write(stop_, 1));
    thread_.join();
  }
  if (stop_ >= 0) ::close(std::exchange(stop_, -1));
}

bool RedisWatch::wait(std::chrono::milliseconds time) const {
  pollfd looked{.fd = stop_, .events = POLLIN, .revents = 0};
  return poll(&looked, 1, static_cast<int>(time.count())) <= 0;
}

void RedisWatch::run() noexcept {
  try {
    auto delay = kFirstWait;
    do {
      const auto followed = follow();
      if (followed) return;
      if (std::exchange(follows_, false)) delay = kFirstWait;
      if (delay == kFirstWait) {
        log_(LogLevel::warning, provider_,
             "no changes of keys are told until this is mended: " + followed.error().to_string());
      }
      delay = std::min(delay * 2, kLongestWait);
    } while (wait(delay));
  } catch (...) {  // a lack of memory: the watch ends, its host does not
    async::count_exception();
  }
}

Result<void> RedisWatch::follow() {
  const auto& settings = pool_->settings();
  WEFT_TRY(auto connection, Connection::open(pool_->server(), settings.connect_timeout, settings.response_timeout));
  Words words{"SUBSCRIBE"};
  for (const auto& [channel, key] : keys_) words.push_back(channel);
  WEFT_TRY(const auto subscribed, connection.ask(words));
  (void)subscribed;
  follows_ = true;
  while (true) {
    WEFT_TRY(auto told, connection.listen(stop_));
    if (!told) return {};
    take(*std::move(told));
  }
}

void RedisWatch::take(Answer told) {
  auto* const parts = told.list();
  if (parts == nullptr || parts->size() != 3) return;
  const auto* const kind = (*parts)[0].text();
  const auto* const channel = (*parts)[1].text();
  const auto* const name = (*parts)[2].text();
  if (kind == nullptr || channel == nullptr || name == nullptr || *kind != "message") return;
  const auto found = keys_.find(*channel);
  if (found == keys_.end()) return;
  const auto& key = found->second;
  const auto event = event_of(*name);
  if (event == Event::erased && list_.wants_erased(key)) feed_->push({.key = key, .value = std::nullopt});
  if (event != Event::set || !list_.wants_set(key)) return;
  auto value = pool_->ask(nullptr, Words{"GET", key}, Repeat::allowed);
  if (!value) {
    log_(LogLevel::warning, provider_, "a change of " + key + " is not told: " + value.error().to_string());
  } else if (auto* const text = value->text()) {
    feed_->push({.key = key, .value = std::move(*text)});
  }
}

}  // namespace weft::builtins::keyvalue_redis
