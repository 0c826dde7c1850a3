// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/memory_store.hpp"

#include <utility>

namespace weft::builtins::keyvalue {

std::optional<Value> MemoryStore::get(std::string_view bucket, std::string_view key) const {
  const Stripe& stripe = stripe_of(bucket, key);
  const std::scoped_lock lock(stripe.mutex);
  const auto found = stripe.slots.find(PairView(bucket, key));
  if (found == stripe.slots.end()) return std::nullopt;
  return found->second.value;
}

bool MemoryStore::exists(std::string_view bucket, std::string_view key) const {
  const Stripe& stripe = stripe_of(bucket, key);
  const std::scoped_lock lock(stripe.mutex);
  return stripe.slots.contains(PairView(bucket, key));
}

Outcome<void> MemoryStore::reserve(const Limits& limits, std::uint64_t more_keys, std::uint64_t more_bytes) {
  if (keys_.fetch_add(more_keys, std::memory_order_relaxed) + more_keys > limits.max_keys && more_keys != 0) {
    keys_.fetch_sub(more_keys, std::memory_order_relaxed);
    return other("the store holds as many keys as it may");
  }
  if (bytes_.fetch_add(more_bytes, std::memory_order_relaxed) + more_bytes > limits.max_total_bytes &&
      more_bytes != 0) {
    keys_.fetch_sub(more_keys, std::memory_order_relaxed);
    bytes_.fetch_sub(more_bytes, std::memory_order_relaxed);
    return other("the store is full");
  }
  return {};
}

Outcome<void> MemoryStore::put(const Limits& limits, Stripe& stripe, std::string_view bucket, std::string_view key,
                               Value& value) {
  const std::uint64_t size = value.bytes().size();
  if (const auto found = stripe.slots.find(PairView(bucket, key)); found != stripe.slots.end()) {
    const std::uint64_t old = found->second.value.bytes().size();
    if (size > old) {
      if (auto room = reserve(limits, 0, size - old); !room) return room;
    } else {
      bytes_.fetch_sub(old - size, std::memory_order_relaxed);
    }
    std::swap(found->second.value, value);
    return {};
  }
  if (auto room = reserve(limits, 1, size + key.size() + bucket.size()); !room) return room;
  const std::uint64_t number = next_number_.fetch_add(1, std::memory_order_relaxed);
  const auto [slot, made] =
      stripe.slots.emplace(PairKey{std::string(bucket), std::string(key)}, Slot{std::move(value), number});
  Index& index = index_of(bucket);
  const std::scoped_lock lock(index.mutex);
  auto entry = index.buckets.find(bucket);
  if (entry == index.buckets.end()) entry = index.buckets.try_emplace(std::string(bucket)).first;
  entry->second.emplace(number, &slot->first);
  return {};
}

Outcome<void> MemoryStore::set(const Limits& limits, std::string_view bucket, std::string_view key,
                               std::span<const std::byte> value) {
  if (auto fits = check_pair(limits, key, value); !fits) return fits;
  // Made before the lock; what it replaces is freed after.
  Value stored(value);
  Stripe& stripe = stripe_of(bucket, key);
  const std::scoped_lock lock(stripe.mutex);
  return put(limits, stripe, bucket, key, stored);
}

void MemoryStore::erase(std::string_view bucket, std::string_view key) {
  Slots::node_type gone;
  Stripe& stripe = stripe_of(bucket, key);
  const std::scoped_lock lock(stripe.mutex);
  const auto found = stripe.slots.find(PairView(bucket, key));
  if (found == stripe.slots.end()) return;
  {
    Index& index = index_of(bucket);
    const std::scoped_lock index_lock(index.mutex);
    const auto entry = index.buckets.find(bucket);
    entry->second.erase(found->second.number);
    if (entry->second.empty()) index.buckets.erase(entry);
  }
  gone = stripe.slots.extract(found);
  keys_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(gone.mapped().value.bytes().size() + key.size() + bucket.size(), std::memory_order_relaxed);
}

Outcome<std::uint64_t> MemoryStore::increment(const Limits& limits, std::string_view bucket, std::string_view key,
                                              std::uint64_t delta) {
  if (auto fits = check_pair(limits, key, {}); !fits) return std::unexpected(fits.error());
  Stripe& stripe = stripe_of(bucket, key);
  const std::scoped_lock lock(stripe.mutex);
  std::uint64_t number = delta;
  if (const auto found = stripe.slots.find(PairView(bucket, key)); found != stripe.slots.end()) {
    auto sum = add_to_number(found->second.value.bytes(), delta);
    if (!sum) return sum;
    number = *sum;
  }
  Value text(std::to_string(number));
  if (auto stored = put(limits, stripe, bucket, key, text); !stored) return std::unexpected(stored.error());
  return number;
}

KeyPage MemoryStore::list(std::string_view bucket, std::uint64_t after) const {
  KeyPage page;
  const Index& index = index_of(bucket);
  const std::scoped_lock lock(index.mutex);
  const auto entry = index.buckets.find(bucket);
  if (entry == index.buckets.end()) return page;
  auto next = entry->second.upper_bound(after);
  std::uint64_t last = after;
  for (; next != entry->second.end() && page.keys.size() < kPageKeys; ++next) {
    page.keys.push_back(next->second->second);
    last = next->first;
  }
  if (next != entry->second.end()) page.cursor = last;
  return page;
}

}  // namespace weft::builtins::keyvalue
