// SPDX-License-Identifier: Apache-2.0
/// wasi:config for one component: `get` and `get-all` over the merged map of its named configurations, which may be
/// swapped at any time; a call sees the map of its moment, a running instance the next one at its next call.
///
/// Ownership: the host makes one for each component and routes both interfaces to it; they are never links.
/// Threads: update() any (the control shard); calls on every shard, without a lock but for the first after a swap.
/// Errors: none of the interface's own: a missing key is none. Source: data-plane facts 3.8, 3.11, 6.4.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <weft/builtin.hpp>

#include "builtins/builtin_target.hpp"

namespace weft::builtins {

class ConfigTarget {
 public:
  /// `shards`: how many will call.
  ConfigTarget(std::string component, std::size_t shards, ConfigMap config);

  void update(ConfigMap config);
  [[nodiscard]] const std::shared_ptr<BuiltinTarget>& target() const noexcept { return target_; }

 private:
  class Service;
  std::shared_ptr<BuiltinTarget> target_;
  Service* service_;  ///< lives in the target
};

}  // namespace weft::builtins
