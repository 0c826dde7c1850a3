// SPDX-License-Identifier: Apache-2.0
#include "builtins/link_table.hpp"

#include <algorithm>

namespace weft::builtins {
namespace {

/// "keyvalue" of "wrpc:keyvalue/store@0.2.0-draft".
std::string_view package_of(std::string_view interface) noexcept {
  if (const auto colon = interface.find(':'); colon != std::string_view::npos) interface.remove_prefix(colon + 1);
  return interface.substr(0, interface.find('/'));
}

const ConfigMap& no_config() noexcept {
  static const ConfigMap none;
  return none;
}

}  // namespace

LinkTable::LinkTable() {
  const auto empty = std::make_shared<const Bucket>();
  buckets_.fill(empty);
}

std::size_t LinkTable::bucket_of(std::string_view source) noexcept {
  return std::hash<std::string_view>()(source) % kBuckets;
}

const ConfigMap& LinkTable::find_config(std::string_view source, std::string_view link_name,
                                        std::string_view interface) const noexcept {
  const Bucket& bucket = *buckets_[bucket_of(source)];
  const auto found = bucket.find(PairView(source, link_name));
  if (found == bucket.end()) return no_config();
  const Entries& entries = found->second;
  const auto same = std::ranges::find_if(
      entries, [package = package_of(interface)](const auto& entry) { return entry->wit_package == package; });
  return same == entries.end() ? entries.back()->config : (*same)->config;
}

bool LinkTable::has_source(std::string_view source) const noexcept {
  return std::ranges::any_of(*buckets_[bucket_of(source)],
                             [source](const auto& item) { return item.first.first == source; });
}

void LinkTable::erase(Bucket& bucket, const BuiltinLink& link) {
  const auto found = bucket.find(PairView(link.source, link.name));
  if (found == bucket.end()) return;
  std::erase_if(found->second, [&](const auto& entry) {
    return entry->wit_namespace == link.wit_namespace && entry->wit_package == link.wit_package;
  });
  if (found->second.empty()) bucket.erase(found);
}

std::shared_ptr<const LinkTable> LinkTable::with(const BuiltinLink& link) const {
  auto table = std::make_shared<LinkTable>(*this);
  auto bucket = std::make_shared<Bucket>(*buckets_[bucket_of(link.source)]);
  erase(*bucket, link);
  (*bucket)[PairKey{link.source, link.name}].push_back(
      std::make_shared<const Entry>(link.wit_namespace, link.wit_package, link.target_config));
  table->buckets_[bucket_of(link.source)] = std::move(bucket);
  return table;
}

std::shared_ptr<const LinkTable> LinkTable::without(const BuiltinLink& link) const {
  auto table = std::make_shared<LinkTable>(*this);
  auto bucket = std::make_shared<Bucket>(*buckets_[bucket_of(link.source)]);
  erase(*bucket, link);
  table->buckets_[bucket_of(link.source)] = std::move(bucket);
  return table;
}

}  // namespace weft::builtins
