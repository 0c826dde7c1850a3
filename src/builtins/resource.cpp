// SPDX-License-Identifier: Apache-2.0
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/builtin_state.hpp"

namespace weft::detail {
namespace {

constexpr std::size_t kStripes = 16;
/// One byte that names the stripe and 14 random ones: as much as a std::string holds without the heap.
constexpr std::size_t kHandleBytes = 15;

struct Entry {
  std::shared_ptr<void> object;
  std::uint64_t chain = 0;
  std::string source;
};

struct Stripe {
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;
  std::unordered_map<std::uint64_t, std::vector<std::string>> by_chain;
};

Result<std::string> make_handle(std::size_t stripe) {
  std::string handle(kHandleBytes, '\0');
  if (getrandom(handle.data(), handle.size(), 0) != static_cast<ssize_t>(handle.size())) {
    return Error(Errc::io, "the operating system gives no random bytes");
  }
  handle[0] = static_cast<char>(stripe);
  return handle;
}

}  // namespace

/// Handles of one chain of calls are in one stripe, so that its end touches no other.
struct HandleTable::State {
  explicit State(std::size_t max_handles) : max(max_handles) {}

  Stripe* stripe_of(std::string_view handle) {
    if (handle.size() != kHandleBytes) return nullptr;
    const auto index = static_cast<unsigned char>(handle[0]);
    return index < kStripes ? &stripes[index] : nullptr;
  }

  std::size_t max;
  std::atomic<std::size_t> count{0};
  std::array<Stripe, kStripes> stripes;
};

HandleTable::HandleTable(Builtin& owner, std::size_t max_handles) : state_(std::make_unique<State>(max_handles)) {
  owner.state_->tables.push_back(this);
}
HandleTable::~HandleTable() = default;

std::size_t HandleTable::size() const noexcept { return state_->count.load(std::memory_order_relaxed); }

Result<std::string> HandleTable::add(const CallInfo& call, std::shared_ptr<void> object) {
  if (state_->count.fetch_add(1, std::memory_order_relaxed) >= state_->max) {
    state_->count.fetch_sub(1, std::memory_order_relaxed);
    return Error(Errc::resource_exhausted, "the provider holds as many resources as it may",
                 "drop resources that are no longer used", Blame::guest);
  }
  const std::size_t index = (call.chain != 0 ? call.chain : call.shard) % kStripes;
  auto made = make_handle(index);
  if (!made) {
    state_->count.fetch_sub(1, std::memory_order_relaxed);
    return made;
  }
  Stripe& stripe = state_->stripes[index];
  const std::scoped_lock lock(stripe.mutex);
  stripe.entries.emplace(*made, Entry{std::move(object), call.chain, std::string(call.source)});
  if (call.chain != 0) stripe.by_chain[call.chain].push_back(*made);
  return made;
}

std::shared_ptr<void> HandleTable::find(std::string_view handle) const {
  Stripe* stripe = state_->stripe_of(handle);
  if (stripe == nullptr) return nullptr;
  const std::string key(handle);
  const std::scoped_lock lock(stripe->mutex);
  const auto found = stripe->entries.find(key);
  return found == stripe->entries.end() ? nullptr : found->second.object;
}

bool HandleTable::drop(std::string_view handle) {
  Stripe* stripe = state_->stripe_of(handle);
  if (stripe == nullptr) return false;
  // The object's destructor is the author's code: it runs when `gone` ends, after the lock.
  std::unordered_map<std::string, Entry>::node_type gone;
  const std::string key(handle);
  const std::scoped_lock lock(stripe->mutex);
  gone = stripe->entries.extract(key);
  if (gone.empty()) return false;
  if (const auto chain = stripe->by_chain.find(gone.mapped().chain); chain != stripe->by_chain.end()) {
    std::erase(chain->second, key);
    if (chain->second.empty()) stripe->by_chain.erase(chain);
  }
  state_->count.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

void HandleTable::drop_chain(std::uint64_t chain) {
  Stripe& stripe = state_->stripes[chain % kStripes];
  std::vector<Entry> gone;
  const std::scoped_lock lock(stripe.mutex);
  const auto found = stripe.by_chain.find(chain);
  if (found == stripe.by_chain.end()) return;
  for (const std::string& handle : found->second) {
    gone.push_back(std::move(stripe.entries.extract(handle).mapped()));
  }
  stripe.by_chain.erase(found);
  state_->count.fetch_sub(gone.size(), std::memory_order_relaxed);
}

void HandleTable::drop_source(std::string_view source) {
  std::vector<std::string> handles;
  for (Stripe& stripe : state_->stripes) {
    const std::scoped_lock lock(stripe.mutex);
    for (const auto& [handle, entry] : stripe.entries) {
      if (entry.source == source) handles.push_back(handle);
    }
  }
  for (const std::string& handle : handles) static_cast<void>(drop(handle));
}

}  // namespace weft::detail
