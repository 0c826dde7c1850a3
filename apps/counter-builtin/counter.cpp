// SPDX-License-Identifier: Apache-2.0
// A capability provider inside the host, whole: named counters; a link may set a prefix for the names of its source.
#include "counter.hpp"

#include <map>
#include <mutex>

namespace {

class Counter final : public weft::Builtin {
 public:
  explicit Counter(const weft::BuiltinContext& /*context*/) {
    function("acme:counter/count", "increment",
             [this](const weft::CallInfo& call, std::string name,
                    std::uint64_t by) -> std::expected<std::uint64_t, std::string> {
               if (name.empty()) return std::unexpected("a counter has a name");
               const auto prefix = call.link_config.find("prefix");
               if (prefix != call.link_config.end()) name = prefix->second + name;
               const std::scoped_lock lock(mutex_);
               return counts_[name] += by;
             });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace

weft::BuiltinFactory counter_builtin() { return weft::builtin_factory<Counter>(); }
