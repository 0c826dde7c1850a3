// SPDX-License-Identifier: Apache-2.0
/// For tests: work on a shard that runs, waited for. Threads: any but the shard's own.
#pragma once

#include <future>
#include <memory>
#include <type_traits>

#include "async/shard.hpp"

namespace weft::testing_support {

/// What `work` gives.
template <class Work>
auto on_shard(async::Shard& shard, Work work) {
  using Value = decltype(work());
  // Shared: this thread may go on while the other is still on its way out of set_value().
  const auto done = std::make_shared<std::promise<Value>>();
  shard.post([done, &work]() noexcept {
    if constexpr (std::is_void_v<Value>) {
      work();
      done->set_value();
    } else {
      done->set_value(work());
    }
  });
  return done->get_future().get();
}

}  // namespace weft::testing_support
