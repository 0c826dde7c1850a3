// SPDX-License-Identifier: Apache-2.0
/// wasmcloud:secrets for one component: `get` gives a handle of a secret that the component was started with, `reveal`
/// its value. The map may be swapped at any time; a call sees the secrets of its moment.
///
/// A handle is the secret's name: there is nothing to keep for one, and a guest can make none up, since the engine
/// gives it handles alone. Ownership: the host makes one for each component and routes both interfaces to it; they are
/// never links. Threads: update() any (the control shard); calls on every shard, without a lock but for the first after
/// a swap. Errors: not-found of the interface; a handle whose secret has gone meanwhile is not_found, which traps.
/// Source: data-plane facts 3.8, 6.4; wasmCloud 1.9.2 wasmcloud:secrets@0.1.0-draft.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "builtins/builtin_target.hpp"
#include "wire/host_data.hpp"

namespace weft::builtins {

class SecretsTarget {
 public:
  /// `shards`: how many will call.
  SecretsTarget(std::string component, std::size_t shards, wire::SecretMap secrets);

  void update(wire::SecretMap secrets);
  [[nodiscard]] const std::shared_ptr<BuiltinTarget>& target() const noexcept { return target_; }

 private:
  class Service;
  std::shared_ptr<BuiltinTarget> target_;
  Service* service_;  ///< lives in the target
};

}  // namespace weft::builtins
