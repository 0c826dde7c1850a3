// SPDX-License-Identifier: Apache-2.0
/// The links of which a built-in is the target, immutable: what a call finds its link's configuration in. A change
/// makes a new table that shares all but one bucket with the old one.
///
/// Which link a call came over follows from its source, its link name and its interface. The interface of a link and of
/// its calls may differ in namespace (wasi:keyvalue is called as wrpc:keyvalue), so the package's name decides.
/// Threads: immutable.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/pair_key.hpp"

namespace weft::builtins {

class LinkTable {
 public:
  LinkTable();

  /// The configuration of the link; an empty map if there is no such link. Lives as long as this table. No allocation.
  [[nodiscard]] const ConfigMap& find_config(std::string_view source, std::string_view link_name,
                                             std::string_view interface) const noexcept;
  [[nodiscard]] bool has_source(std::string_view source) const noexcept;

  /// This table with one link more; one with equal source, name, namespace and package is replaced.
  [[nodiscard]] std::shared_ptr<const LinkTable> with(const BuiltinLink& link) const;
  /// This table without that link.
  [[nodiscard]] std::shared_ptr<const LinkTable> without(const BuiltinLink& link) const;

 private:
  struct Entry {
    std::string wit_namespace;
    std::string wit_package;
    ConfigMap config;
  };
  using Entries = std::vector<std::shared_ptr<const Entry>>;
  using Bucket = std::unordered_map<PairKey, Entries, PairHash, PairEqual>;
  static constexpr std::size_t kBuckets = 256;

  /// By source, so that all links of one source are in one bucket.
  static std::size_t bucket_of(std::string_view source) noexcept;
  static void erase(Bucket& bucket, const BuiltinLink& link);

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
};

}  // namespace weft::builtins
