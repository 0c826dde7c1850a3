// SPDX-License-Identifier: Apache-2.0
#include "builtins/config/config_target.hpp"

#include <expected>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "builtins/published.hpp"

namespace weft::builtins {
namespace {

/// variant { upstream(string), io(string) }; runtime's config-error has the same cases.
using ConfigError = std::variant<std::string, std::string>;
using Got = std::expected<std::optional<std::string_view>, ConfigError>;
using All = std::expected<std::vector<std::pair<std::string_view, std::string_view>>, ConfigError>;

Got get(const ConfigMap& config, std::string_view key) {
  // ConfigMap has no look-up by view, and its keys are short: most of these strings never see the heap.
  const auto found = config.find(std::string(key));
  if (found == config.end()) return std::nullopt;
  return found->second;
}

All get_all(const ConfigMap& config) {
  All all;
  all->reserve(config.size());
  for (const auto& [key, value] : config) all->emplace_back(key, value);
  return all;
}

}  // namespace

class ConfigTarget::Service final : public Builtin {
 public:
  Service(std::size_t shards, ConfigMap config)
      : config_(shards, std::make_shared<const ConfigMap>(std::move(config))) {
    for (const std::string_view interface : {"wasi:config/store", "wasi:config/runtime"}) {
      // The views in the results end with the call's encoding; the slot of the shard holds the map until its next call.
      function(interface, "get",
               [this](const CallInfo& call, std::string_view key) { return get(*config_.read(call.shard), key); });
      function(interface, "get-all", [this](const CallInfo& call) { return get_all(*config_.read(call.shard)); });
    }
  }

  void publish(ConfigMap config) { config_.publish(std::make_shared<const ConfigMap>(std::move(config))); }

 private:
  Published<ConfigMap> config_;
};

ConfigTarget::ConfigTarget(std::string component, std::size_t shards, ConfigMap config) {
  auto service = std::make_unique<Service>(shards, std::move(config));
  service_ = service.get();
  auto target = BuiltinTarget::create(std::move(service), {.id = std::move(component) + "/config", .shards = shards});
  WEFT_ASSERT(target.has_value());
  target_ = *std::move(target);
}

void ConfigTarget::update(ConfigMap config) { service_->publish(std::move(config)); }

}  // namespace weft::builtins
