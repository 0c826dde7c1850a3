// SPDX-License-Identifier: Apache-2.0
/// `weft host`: a daemon that is started the way wasmCloud's host is.
#include "cli/host_command.hpp"

#include "cli/commands.hpp"
#include "cli/host_options.hpp"
#include "cli/image_options.hpp"
#include "cli/log_sink.hpp"
#include "cli/option_value.hpp"
#include "cli/parse_number.hpp"
#include "cli/service_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMaxProviderMs = 3'600'000;
constexpr std::string_view kLabelPrefix = "WASMCLOUD_LABEL_";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The values of one run, with the tables they are from.
class Settings {
 public:
  Settings(const Arguments& arguments, const Context& context) : arguments_(arguments), context_(context) {}

  /// Given, of the environment, or empty.
  [[nodiscard]] std::string text(std::string_view name) const {
    for (const auto options : {wasmcloud_host_options(), wasmcloud_nats_options()}) {
      if (auto value = option_value(arguments_, context_, options, name)) return *std::move(value);
    }
    return {};
  }
  /// The first of them that says something.
  [[nodiscard]] std::string either(std::string_view first, std::string_view second) const {
    auto value = text(first);
    return value.empty() ? text(second) : value;
  }
  [[nodiscard]] Result<bool> on(std::string_view name, bool fallback) const {
    const auto value = text(name);
    if (value.empty()) return fallback;
    if (value == "true" || value == "false") return value == "true";
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is neither true nor false.", name, value),
                 "Write true or false.", Blame::operator_);
  }
  template <class T>
  [[nodiscard]] Result<T> number(std::string_view name, T fallback, std::uint64_t highest) const {
    const auto value = text(name);
    if (value.empty()) return fallback;
    const auto number = parse_whole(value, highest);
    if (number) return static_cast<T>(*number);
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is not a number that fits.", name, value),
                 fmt::format("Write a whole number up to {}.", highest), Blame::operator_);
  }

 private:
  const Arguments& arguments_;
  const Context& context_;
};

constexpr std::string_view kRpcSettings[] = {"rpc-host", "rpc-port", "rpc-jwt", "rpc-seed", "rpc-creds", "rpc-tls"};

/// The servers of one of the two connections: `prefix` is "ctl" or "rpc".
Result<NatsConfig> nats(const Settings& settings, std::string_view prefix) {
  const auto own_or_common = [&](std::string_view name) {
    return settings.either(fmt::format("{}-{}", prefix, name), fmt::format("nats-{}", name));
  };
  NatsConfig config;
  const auto host = own_or_common("host");
  const auto port = own_or_common("port");
  config.urls = {fmt::format("nats://{}:{}", host.empty() ? "127.0.0.1" : host, port.empty() ? "4222" : port)};
  config.credentials_file = own_or_common("creds");
  config.user_jwt = own_or_common("jwt");
  config.user_seed = own_or_common("seed");
  if (config.user_jwt.empty() != config.user_seed.empty()) {
    return Error(Errc::invalid_argument, "'--nats-jwt' and '--nats-seed' belong together.", "Give both, or neither.",
                 Blame::operator_);
  }
  if (!config.user_jwt.empty() && !config.credentials_file.empty()) {
    return Error(Errc::invalid_argument, "'--nats-creds' and '--nats-jwt' exclude each other.", "Give one of them.",
                 Blame::operator_);
  }
  WEFT_TRY(config.require_tls, settings.on(fmt::format("{}-tls", prefix), false));
  config.jetstream_domain = settings.text("js-domain");
  return config;
}

Result<std::map<std::string, std::string>> labels(const Arguments& arguments, const Context& context) {
  WEFT_TRY(auto labels, read_pairs(arguments, "label"));
  if (!context.environment) return labels;
  for (const auto& [name, value] : context.environment()) {
    if (name.size() > kLabelPrefix.size() && name.starts_with(kLabelPrefix)) {
      labels.try_emplace(name.substr(kLabelPrefix.size()), value);
    }
  }
  return labels;
}

Result<LogLevel> log_level(const std::string& text) {
  const auto name = lower(text);
  if (name.empty() || name == "info") return LogLevel::info;
  if (name == "warn" || name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  if (name == "debug" || name == "trace") return LogLevel::debug;
  return Error(Errc::invalid_argument, fmt::format("'--log-level': '{}' is no level.", text),
               "Use one of: error, warn, info, debug, trace.", Blame::operator_);
}

Result<ProviderProcessConfig> provider_processes(const Settings& settings) {
  ProviderProcessConfig config;
  WEFT_TRY(const auto delay,
           settings.number<std::int64_t>("provider-shutdown-delay-ms", config.shutdown_delay.count(), kMaxProviderMs));
  config.shutdown_delay = std::chrono::milliseconds(delay);
  WEFT_TRY(const auto timeout,
           settings.number<std::int64_t>("rpc-timeout-ms", config.rpc_timeout.count(), kMaxProviderMs));
  config.rpc_timeout = std::chrono::milliseconds(timeout);
  WEFT_TRY(config.structured_logging, settings.on("enable-structured-logging", false));
  if (const auto level = lower(settings.text("log-level")); !level.empty()) {
    config.log_level = level == "warning" ? "warn" : level;
  }
  return config;
}

Result<LatticeConfig> lattice(const Arguments& arguments, const Context& context, const Settings& settings) {
  LatticeConfig config;
  if (auto name = settings.text("lattice"); !name.empty()) config.lattice = std::move(name);
  config.data_dir = settings.text("data-dir");
  WEFT_TRY(config.nats, nats(settings, "ctl"));
  const auto given = [&settings](std::string_view name) { return !settings.text(name).empty(); };
  if (std::ranges::any_of(kRpcSettings, given)) {
    WEFT_TRY(config.rpc_nats, nats(settings, "rpc"));
  }
  config.host_seed = settings.text("host-seed");
  WEFT_TRY(config.labels, labels(arguments, context));
  if (auto prefix = settings.text("ctl-topic-prefix"); !prefix.empty()) config.control_prefix = std::move(prefix);
  config.admin_listen = settings.text("http-admin");
  config.metrics_listen = settings.text("metrics");
  WEFT_TRY(config.allow_file_load, settings.on("allow-file-load", false));
  config.allow_spy = arguments.flag("allow-spy");
  config.local_fast_path = !arguments.flag("no-local-fast-path");
  WEFT_TRY(config.artifacts, artifact_config(arguments, context));
  WEFT_CHECK(read_services(arguments, context, config));
  WEFT_TRY(config.component_auctions, settings.on("enable-component-auction", true));
  WEFT_TRY(config.provider_auctions, settings.on("enable-provider-auction", true));
  WEFT_TRY(const auto heartbeat, settings.number<std::int64_t>("heartbeat-interval-seconds", 30, 86'400));
  config.heartbeat_interval = std::chrono::seconds(heartbeat);
  WEFT_TRY(const auto longest, settings.number<std::int64_t>("max-execution-time-ms", 600'000, INT64_MAX / 1'000'000));
  config.max_execution_time = std::chrono::milliseconds(longest);
  WEFT_TRY(config.max_memory_bytes,
           settings.number<std::uint64_t>("max-linear-memory-bytes", config.max_memory_bytes, UINT64_MAX));
  WEFT_TRY(config.provider_processes, provider_processes(settings));
  return config;
}

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_TRY(auto daemon, wasmcloud_daemon(arguments, context));
  for (const auto& name : unsupported_settings(arguments, context)) {
    daemon.host.log(LogLevel::warning, {}, fmt::format("not supported yet: {}", name));
  }
  return run_daemon(std::move(daemon), context);
}

}  // namespace

bool started_by_wash(const Context& context) {
  if (!context.environment) return false;
  return std::ranges::any_of(context.environment(),
                             [](const auto& variable) { return variable.first.starts_with("WASMCLOUD_"); });
}

std::vector<std::string> unsupported_settings(const Arguments& arguments, const Context& context) {
  std::vector<std::string> names;
  for (const OptionSpec& option : wasmcloud_other_options()) {
    const auto found = setting(arguments, context, option);
    if (found.origin == Origin::fallback || lower(found.value) == lower(std::string(option.fallback))) continue;
    if (option.value.empty() && found.value == "false") continue;
    names.push_back(fmt::format("--{}", option.name));
  }
  return names;
}

Result<Daemon> wasmcloud_daemon(const Arguments& arguments, Context& context) {
  const Settings settings(arguments, context);
  Daemon daemon;
  WEFT_TRY(daemon.lattice, lattice(arguments, context, settings));
  WEFT_TRY(const bool structured, settings.on("enable-structured-logging", false));
  if (structured) context.output = OutputFormat::json;
  WEFT_TRY(const LogLevel level, log_level(settings.text("log-level")));
  daemon.host.log = make_log_sink(context, level);
  return daemon;
}

const CommandSpec& host_command() noexcept {
  static const CommandSpec spec{
      .name = "host",
      .summary = "run a host with the flags and variables of wasmCloud 1.9's",
      .positionals = {},
      .groups = {OptionGroup{"Host", wasmcloud_host_options()}, OptionGroup{"NATS", wasmcloud_nats_options()},
                 OptionGroup{"Images", image_options()}, OptionGroup{"Services", service_options()},
                 OptionGroup{"Accepted with a warning", wasmcloud_other_options()}},
      .notes =
          "Flags win over variables. 'weft' without a command does the same if any variable WASMCLOUD_* is set, so "
          "that\n"
          "'wash up --host-path' can start it. Unlike 'weft up' it needs NATS, and keeps nothing without '--data-dir'.",
      .examples =
          "weft host --lattice shop --nats-host 10.0.0.5\n"
          "weft host --allow-file-load --label zone=b",
      .run = run};
  return spec;
}

}  // namespace weft::cli
