// SPDX-License-Identifier: Apache-2.0
#include "cli/service_options.hpp"

#include "cli/option_value.hpp"
#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMaxTimeoutMs = 3'600'000;

constexpr std::array kServices = std::to_array<OptionSpec>({
    {.name = "policy-topic",
     .value = "SUBJECT",
     .help = "ask there whether something may be started or called",
     .fallback = "everything may",
     .environment = "WASMCLOUD_POLICY_TOPIC"},
    {.name = "policy-changes-topic",
     .value = "SUBJECT",
     .help = "hear there that the policy service has changed its mind",
     .environment = "WASMCLOUD_POLICY_CHANGES_TOPIC"},
    {.name = "policy-timeout-ms",
     .value = "N",
     .help = "for its answers; none is a refusal",
     .fallback = "1000",
     .environment = "WASMCLOUD_POLICY_TIMEOUT"},
    {.name = "secrets-topic",
     .value = "SUBJECT",
     .help = "ask secrets backends below that subject; 1.9's are below wasmcloud.secrets",
     .fallback = "there are none",
     .environment = "WASMCLOUD_SECRETS_TOPIC"},
    {.name = "config-service-enabled",
     .value = "",
     .help = "ask the lattice's config service for logins of registries when it starts",
     .environment = "WASMCLOUD_CONFIG_SERVICE"},
});

Result<PolicyConfig> policy_config(const Arguments& arguments, const Context& context) {
  const auto text = [&](std::string_view name) {
    return option_value(arguments, context, kServices, name).value_or("");
  };
  PolicyConfig config;
  config.topic = text("policy-topic");
  config.changes_topic = text("policy-changes-topic");
  if (const auto timeout = text("policy-timeout-ms"); !timeout.empty()) {
    const auto number = parse_whole(timeout, kMaxTimeoutMs);
    if (!number || *number == 0) {
      return Error(Errc::invalid_argument,
                   fmt::format("'--policy-timeout-ms': '{}' is not a number that fits.", timeout),
                   fmt::format("Write a whole number from 1 to {}.", kMaxTimeoutMs), Blame::operator_);
    }
    config.timeout = std::chrono::milliseconds(*number);
  }
  if (config.topic.empty() && !config.changes_topic.empty()) {
    return Error(Errc::invalid_argument, "'--policy-changes-topic' is of no use without '--policy-topic'.",
                 "Name the subject of questions too.", Blame::operator_);
  }
  return config;
}

}  // namespace

std::span<const OptionSpec> service_options() noexcept { return kServices; }

Result<void> read_services(const Arguments& arguments, const Context& context, LatticeConfig& config) {
  WEFT_TRY(config.policy, policy_config(arguments, context));
  config.secrets_topic = option_value(arguments, context, kServices, "secrets-topic").value_or("");
  const auto asks = option_value(arguments, context, kServices, "config-service-enabled").value_or("false");
  config.config_service = asks == "true";
  if (asks == "true" || asks == "false") return {};
  return Error(Errc::invalid_argument, fmt::format("'--config-service-enabled': '{}' is neither true nor false.", asks),
               "Write true or false.", Blame::operator_);
}

}  // namespace weft::cli
