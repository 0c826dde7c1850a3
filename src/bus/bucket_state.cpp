// SPDX-License-Identifier: Apache-2.0
#include "bus/bucket_state.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "bus/subscription.hpp"

namespace weft::bus {
namespace {

/// Events a follower may be behind before its queue forgets what was replaced meanwhile.
constexpr std::size_t kMaxBehind = 4096;

Error tell_conflict(const Change& change, const Entry* present) {
  std::string message = "key '" + change.key + "' ";
  if (present == nullptr) {
    message += "is absent";
  } else {
    message += "is at revision " + std::to_string(present->revision);
  }
  if (*change.expected == 0) {
    message += ", and should be absent";
  } else {
    message += ", and should be at " + std::to_string(*change.expected);
  }
  return {Errc::conflict, std::move(message)};
}

}  // namespace

Result<void> check_change(const Change& change) {
  WEFT_CHECK(check_key(change.key));
  if (change.value.size() > kMaxValueBytes) {
    return Error(Errc::resource_exhausted, "the value of key '" + change.key + "' has " +
                                               std::to_string(change.value.size()) + " bytes, and may have " +
                                               std::to_string(kMaxValueBytes));
  }
  return {};
}

Result<std::optional<Entry>> decide(const Change& change, const Entry* present, std::uint64_t next_revision) {
  if (change.expected && *change.expected != (present == nullptr ? 0 : present->revision)) {
    return tell_conflict(change, present);
  }
  if (change.operation != Operation::put && present == nullptr) {
    return std::optional<Entry>();
  }
  return std::optional<Entry>(
      Entry{.key = change.key, .value = change.value, .revision = next_revision, .operation = change.operation});
}

void compact(std::deque<BucketEvent>& events) {
  std::set<std::string> seen;
  std::deque<BucketEvent> kept;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!event->entry) {
      // What was there must have been told before the follower hears that it knows all.
      seen.clear();
      kept.push_front(std::move(*event));
    } else if (seen.insert(event->entry->key).second) {
      kept.push_front(std::move(*event));
    }
  }
  events.swap(kept);
}

std::optional<Entry> BucketState::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : std::optional<Entry>(found->second);
}

std::vector<Entry> BucketState::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> all;
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    all.push_back(entry);
  }
  return all;
}

std::uint64_t BucketState::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

Result<std::uint64_t> BucketState::change(const Change& change) {
  WEFT_CHECK(check_change(change));
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(change.key);
  WEFT_TRY(auto entry, decide(change, found == entries_.end() ? nullptr : &found->second, revision_ + 1));
  if (entry) {
    apply_locked(*std::move(entry));
  }
  return revision_;
}

void BucketState::apply(Entry entry) {
  const std::lock_guard lock(mutex_);
  apply_locked(std::move(entry));
}

void BucketState::apply_locked(Entry entry) {
  revision_ = entry.revision;
  for (const auto& [id, follower] : followers_) {
    follower->push({.entry = entry});
  }
  if (entry.operation == Operation::put) {
    auto& place = entries_[entry.key];
    place = std::move(entry);
  } else {
    entries_.erase(entry.key);
  }
}

std::unique_ptr<Subscription> BucketState::watch(async::Shard& shard, BucketWatcher& watcher) {
  const auto queue = std::make_shared<EventQueue>(shard, kMaxBehind, QueueFull::compact, [&watcher](BucketEvent event) {
    if (event.entry) {
      watcher.on_entry(*event.entry);
    } else {
      watcher.on_current();
    }
  });
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    queue->push({.entry = entry});
  }
  queue->push({});
  const std::uint64_t id = next_follower_++;
  followers_.emplace(id, queue);
  return std::make_unique<EndingSubscription>([self = shared_from_this(), id, queue] {
    {
      const std::lock_guard inner(self->mutex_);
      self->followers_.erase(id);
    }
    queue->close();
  });
}

}  // namespace weft::bus
