// SPDX-License-Identifier: Apache-2.0
#include "dispatch/routing.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace weft::dispatch {
namespace {

std::uint64_t mix(std::uint64_t seed, std::string_view text) noexcept {
  return (seed ^ std::hash<std::string_view>{}(text)) * 0x9e3779b97f4a7c15ULL;
}

std::uint64_t hash(std::string_view source, std::string_view link_name, std::string_view interface) noexcept {
  return mix(mix(mix(0, source), link_name), interface);
}

}  // namespace

/// One route. Its texts lie in one piece of memory, shared by the snapshots that have it.
struct RoutingSnapshot::Entry {
  std::shared_ptr<const char[]> text;  ///< source, link name, interface and target id, one after the other
  std::uint32_t source_size = 0;
  std::uint32_t link_name_size = 0;
  std::uint32_t interface_size = 0;
  std::uint32_t target_size = 0;
  std::uint32_t target = 0;
  std::uint32_t slot_count = 0;
  std::shared_ptr<LinkSlot[]> slots;

  [[nodiscard]] bool is(std::string_view source, std::string_view link_name,
                        std::string_view interface) const noexcept {
    if (source.size() != source_size || link_name.size() != link_name_size || interface.size() != interface_size) {
      return false;
    }
    const auto* at = text.get();
    return std::memcmp(at, source.data(), source_size) == 0 &&
           std::memcmp(at + source_size, link_name.data(), link_name_size) == 0 &&
           std::memcmp(at + source_size + link_name_size, interface.data(), interface_size) == 0;
  }
  [[nodiscard]] std::string_view target_id() const noexcept {
    return {text.get() + source_size + link_name_size + interface_size, target_size};
  }
};

/// A look-up touches as little memory as it can: the marks, which lie close together, then one entry and its text.
struct RoutingSnapshot::Bucket {
  std::vector<std::uint32_t> marks;  ///< the lower half of each entry's hash
  std::vector<Entry> entries;        ///< in the same order

  [[nodiscard]] std::size_t find(std::uint64_t hashed, std::string_view source, std::string_view link_name,
                                 std::string_view interface) const noexcept {
    const auto mark = static_cast<std::uint32_t>(hashed);
    for (std::size_t index = 0; index < marks.size(); ++index) {
      if (marks[index] == mark && entries[index].is(source, link_name, interface)) {
        return index;
      }
    }
    return marks.size();
  }
};

RoutingSnapshot::RoutingSnapshot() = default;

FoundRoute RoutingSnapshot::find(std::string_view source, std::string_view link_name,
                                 std::string_view interface) const noexcept {
  const auto hashed = hash(source, link_name, interface);
  const auto* bucket = buckets_[hashed >> 52U].get();
  if (bucket == nullptr) {
    return {};
  }
  const auto index = bucket->find(hashed, source, link_name, interface);
  if (index == bucket->marks.size()) {
    return {};
  }
  const auto& entry = bucket->entries[index];
  return {.target_id = entry.target_id(),
          .target = &(*targets_[entry.target / kPageTargets])[entry.target % kPageTargets],
          .counters = {entry.slots.get(), entry.slot_count}};
}

/// Who needs a target's number: its routes, and itself while it runs.
struct RoutingTable::TargetUse {
  std::string id;
  std::size_t routes = 0;
  bool runs = false;
};

RoutingTable::RoutingTable(std::size_t counted_shards, Elsewhere elsewhere)
    : counted_shards_(counted_shards), elsewhere_(std::move(elsewhere)), current_(std::make_shared<RoutingSnapshot>()) {
  static_assert(RoutingSnapshot::kBuckets == 1U << 12U, "a bucket is chosen by the upper 12 bits of the hash");
}
RoutingTable::~RoutingTable() = default;

std::shared_ptr<const RoutingSnapshot> RoutingTable::snapshot() {
  given_out_ = true;
  return current_;
}

RoutingSnapshot& RoutingTable::writable() {
  if (std::exchange(given_out_, false)) {
    current_ = std::make_shared<RoutingSnapshot>(*current_);
  }
  return *current_;
}

std::uint32_t RoutingTable::number_of(std::string_view target_id) {
  if (const auto known = numbers_.find(target_id); known != numbers_.end()) {
    return known->second;
  }
  std::uint32_t number = 0;
  if (free_numbers_.empty()) {
    number = static_cast<std::uint32_t>(uses_.size());
    uses_.emplace_back();
    if (number % RoutingSnapshot::kPageTargets == 0) {
      writable().targets_.push_back(std::make_shared<RoutingSnapshot::TargetPage>());
    }
  } else {
    number = free_numbers_.back();
    free_numbers_.pop_back();
  }
  uses_[number] = {.id = std::string(target_id)};
  numbers_.emplace(target_id, number);
  return number;
}

void RoutingTable::release(std::uint32_t number) {
  auto& use = uses_[number];
  if (use.routes != 0 || use.runs) {
    return;
  }
  if (elsewhere_) {
    store_target(number, nullptr);
  }
  numbers_.erase(use.id);
  use.id.clear();
  free_numbers_.push_back(number);
}

void RoutingTable::store_target(std::uint32_t number, const std::shared_ptr<Target>& target) {
  auto& page = writable().targets_[number / RoutingSnapshot::kPageTargets];
  auto changed = std::make_shared<RoutingSnapshot::TargetPage>(*page);
  (*changed)[number % RoutingSnapshot::kPageTargets] = target;
  page = std::move(changed);
}

/// The first route to what does not run here leads to where it may run.
void RoutingTable::add_route(std::uint32_t number) {
  auto& use = uses_[number];
  if (use.routes++ == 0 && !use.runs && elsewhere_) {
    store_target(number, elsewhere_(use.id));
  }
}

void RoutingTable::set_target(std::string_view target_id, const std::shared_ptr<Target>& target) {
  if (target == nullptr && !numbers_.contains(target_id)) {
    return;
  }
  const auto number = number_of(target_id);
  auto& use = uses_[number];
  use.runs = target != nullptr;
  store_target(number, target == nullptr && use.routes != 0 && elsewhere_ ? elsewhere_(use.id) : target);
  release(number);
}

void RoutingTable::set_routes(std::string_view source, std::vector<Route> routes) {
  Routes wanted;
  for (auto& route : routes) {
    if (route.target != nullptr) {
      set_target(route.target_id, route.target);
    }
    const auto number = number_of(route.target_id);
    add_route(number);
    const auto [place, is_new] =
        wanted.try_emplace(std::pair(std::move(route.link_name), std::move(route.interface)), number);
    if (!is_new) {
      const auto earlier = std::exchange(place->second, number);
      --uses_[earlier].routes;
      release(earlier);
    }
  }
  auto known = sources_.find(source);
  if (known == sources_.end()) {
    known = sources_.emplace(source, Routes{}).first;
  }
  for (const auto& [key, number] : wanted) {
    const auto old = known->second.find(key);
    if (old == known->second.end() || old->second != number) {
      put_entry(source, key.first, key.second, number);
    }
  }
  for (const auto& [key, number] : known->second) {
    if (!wanted.contains(key)) {
      drop_entry(source, key.first, key.second);
    }
    --uses_[number].routes;
    release(number);
  }
  if (wanted.empty()) {
    sources_.erase(known);
  } else {
    known->second = std::move(wanted);
  }
}

void RoutingTable::put_entry(std::string_view source, std::string_view link_name, std::string_view interface,
                             std::uint32_t number) {
  const std::string& target_id = uses_[number].id;
  auto text = std::make_shared<char[]>(source.size() + link_name.size() + interface.size() + target_id.size());
  auto* at = text.get();
  for (const std::string_view part : {source, link_name, interface, std::string_view(target_id)}) {
    at = std::ranges::copy(part, at).out;
  }
  RoutingSnapshot::Entry entry{.text = std::move(text),
                               .source_size = static_cast<std::uint32_t>(source.size()),
                               .link_name_size = static_cast<std::uint32_t>(link_name.size()),
                               .interface_size = static_cast<std::uint32_t>(interface.size()),
                               .target_size = static_cast<std::uint32_t>(target_id.size()),
                               .target = number,
                               .slot_count = static_cast<std::uint32_t>(counted_shards_),
                               .slots{counted_shards_ == 0 ? nullptr : new LinkSlot[counted_shards_]}};
  const auto hashed = hash(source, link_name, interface);
  auto& bucket = writable().buckets_[hashed >> 52U];
  auto changed =
      bucket ? std::make_shared<RoutingSnapshot::Bucket>(*bucket) : std::make_shared<RoutingSnapshot::Bucket>();
  const auto index = changed->find(hashed, source, link_name, interface);
  if (index == changed->marks.size()) {
    changed->marks.push_back(static_cast<std::uint32_t>(hashed));
    changed->entries.push_back(std::move(entry));
  } else {
    changed->entries[index] = std::move(entry);
  }
  bucket = std::move(changed);
}

void RoutingTable::drop_entry(std::string_view source, std::string_view link_name, std::string_view interface) {
  const auto hashed = hash(source, link_name, interface);
  auto& bucket = writable().buckets_[hashed >> 52U];
  auto changed = std::make_shared<RoutingSnapshot::Bucket>(*bucket);
  const auto index = static_cast<std::ptrdiff_t>(changed->find(hashed, source, link_name, interface));
  changed->marks.erase(changed->marks.begin() + index);
  changed->entries.erase(changed->entries.begin() + index);
  bucket = std::move(changed);
}

std::vector<LinkFigures> RoutingTable::figures() const {
  std::vector<LinkFigures> all;
  for (const auto& bucket : current_->buckets_) {
    if (bucket == nullptr) {
      continue;
    }
    for (const auto& entry : bucket->entries) {
      LinkFigures figures;
      for (const auto& slot : std::span(entry.slots.get(), entry.slot_count)) {
        slot.add_to(figures);
      }
      if (figures.calls != 0) {
        const auto* at = entry.text.get();
        figures.source.assign(at, entry.source_size);
        figures.link_name.assign(at += entry.source_size, entry.link_name_size);
        figures.interface.assign(at + entry.link_name_size, entry.interface_size);
        figures.target = entry.target_id();
        all.push_back(std::move(figures));
      }
    }
  }
  const auto name = [](const LinkFigures& one) { return std::tie(one.source, one.link_name, one.interface); };
  std::ranges::sort(all, [&name](const auto& a, const auto& b) { return name(a) < name(b); });
  return all;
}

}  // namespace weft::dispatch
