// SPDX-License-Identifier: Apache-2.0
/// The way from a plain thread to what is a shard's own: work that runs there, waited for. For tasks: shard_call.hpp.
#pragma once

#include <future>
#include <memory>
#include <type_traits>

#include "async/shard.hpp"
#include "base/assert.hpp"

namespace weft::async {

/// What `work` gives, which must not throw. Any thread but the shard's own, which has to run until then.
template <class Work>
auto on_shard(Shard& shard, Work work) {
  WEFT_ASSERT(!shard.is_current());
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

}  // namespace weft::async
