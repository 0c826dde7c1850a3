// SPDX-License-Identifier: Apache-2.0
/// Who calls a function of a provider, over which link, and until when.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace weft {

using ConfigMap = std::map<std::string, std::string>;

/// Valid until the function returns; who needs parts of it longer copies them.
struct CallInfo {
  std::string_view source;       ///< id of the component or provider that calls
  std::string_view link_name;    ///< the link it calls over
  std::string_view interface;    ///< as on the wire: "acme:counter/count@1.0.0"
  std::string_view function;     ///< "increment"
  const ConfigMap& link_config;  ///< the target configuration of that link; empty if there is none
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::uint64_t chain = 0;  ///< the chain of calls this one belongs to; 0: unknown
  std::size_t shard = 0;    ///< below BuiltinContext::shards; no two calls run at once on one shard, but those
                            ///< of blocking functions, which run elsewhere
  std::string_view trace_parent = {};  ///< W3C traceparent and tracestate; empty: none
  std::string_view trace_state = {};
  const std::atomic<bool>* cancelled = nullptr;

  /// In a blocking function: the caller has gone, or the provider is being stopped.
  [[nodiscard]] bool is_cancelled() const noexcept {
    return cancelled != nullptr && cancelled->load(std::memory_order_relaxed);
  }
};

}  // namespace weft
