// SPDX-License-Identifier: Apache-2.0
// A capability provider inside the host, whole: named counters; a link may set a prefix for the names of its source,
// by its configuration or (where the provider is a process) by a secret.
#include "counter.hpp"

#include <map>
#include <mutex>
#include <string>
#include <utility>

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
               const auto secret = secret_prefixes_.find({std::string(call.source), std::string(call.link_name)});
               if (secret != secret_prefixes_.end()) name = secret->second + name;
               return counts_[name] += by;
             });
  }

  weft::Result<void> put_link(const weft::BuiltinLink& link) override {
    const auto secret = link.target_secrets.find("prefix");
    const std::scoped_lock lock(mutex_);
    secret_prefixes_.erase({link.source, link.name});
    if (secret != link.target_secrets.end()) secret_prefixes_[{link.source, link.name}] = secret->second.value;
    return {};
  }
  void delete_link(const weft::BuiltinLink& link) override {
    const std::scoped_lock lock(mutex_);
    secret_prefixes_.erase({link.source, link.name});
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> secret_prefixes_;  ///< by source and link
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace

weft::BuiltinFactory counter_builtin() { return weft::builtin_factory<Counter>(); }
