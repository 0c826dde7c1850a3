// SPDX-License-Identifier: Apache-2.0
/// Buckets of keys and values in memory, lost when the host ends.
///
/// Threads: any. Keys are spread over stripes, each with a lock that is held for one look-up: a get costs some tens of
/// nanoseconds beside the encoding, and many shards seldom meet. An increment is atomic; set_many and delete_many are
/// as many single changes. Errors are those of the interface. Limits: Limits; what is over is refused and changes
/// nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builtins/keyvalue/types.hpp"
#include "builtins/pair_key.hpp"

namespace weft::builtins::keyvalue {

class MemoryStore {
 public:
  MemoryStore() = default;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  [[nodiscard]] std::optional<Value> get(std::string_view bucket, std::string_view key) const;
  [[nodiscard]] bool exists(std::string_view bucket, std::string_view key) const;
  Outcome<void> set(const Limits& limits, std::string_view bucket, std::string_view key,
                    std::span<const std::byte> value);
  void erase(std::string_view bucket, std::string_view key);
  Outcome<std::uint64_t> increment(const Limits& limits, std::string_view bucket, std::string_view key,
                                   std::uint64_t delta);
  [[nodiscard]] KeyPage list(std::string_view bucket, std::uint64_t after) const;

  [[nodiscard]] std::uint64_t keys() const noexcept { return keys_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    Value value;
    std::uint64_t number = 0;
  };
  using Slots = std::unordered_map<PairKey, Slot, PairHash, PairEqual>;
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    Slots slots;
  };
  /// The keys of each bucket in the order they came; they lie in the stripes. Locked after the stripe's own lock.
  struct alignas(64) Index {
    mutable std::mutex mutex;
    std::map<std::string, std::map<std::uint64_t, const PairKey*>, std::less<>> buckets;
  };
  static constexpr std::size_t kStripes = 64;
  static constexpr std::size_t kIndexes = 16;

  [[nodiscard]] Stripe& stripe_of(std::string_view bucket, std::string_view key) const noexcept {
    // The high bits: the map inside the stripe uses the low ones.
    return stripes_[(PairHash()(PairView(bucket, key)) >> 40U) % kStripes];
  }
  [[nodiscard]] Index& index_of(std::string_view bucket) const noexcept {
    return indexes_[std::hash<std::string_view>()(bucket) % kIndexes];
  }
  /// With the stripe's lock held.
  Outcome<void> put(const Limits& limits, Stripe& stripe, std::string_view bucket, std::string_view key, Value& value);
  Outcome<void> reserve(const Limits& limits, std::uint64_t more_keys, std::uint64_t more_bytes);

  mutable std::array<Stripe, kStripes> stripes_;
  mutable std::array<Index, kIndexes> indexes_;
  std::atomic<std::uint64_t> keys_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> next_number_{1};
};

}  // namespace weft::builtins::keyvalue
