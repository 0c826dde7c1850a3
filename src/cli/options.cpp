// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include "cli/log_sink.hpp"
#include "cli/option_value.hpp"
#include "cli/parse_grants.hpp"
#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <limits>

namespace weft::cli {
namespace {

constexpr std::array kHostOptions = std::to_array<OptionSpec>({
    {.name = "shards", .value = "N", .help = "threads that run components", .fallback = "one per core; 1 for a call"},
    {.name = "cache-dir",
     .value = "DIR",
     .help = "where compiled components are kept",
     .fallback = "$XDG_CACHE_HOME/weft/artifacts or ~/.cache/weft/artifacts"},
    {.name = "no-cache", .value = "", .help = "compile again, and keep nothing"},
    {.name = "log-level",
     .value = "debug|info|warning|error",
     .help = "the least important lines to print",
     .fallback = "info"},
});

constexpr std::array kComponentOptions = std::to_array<OptionSpec>({
    {.name = "id", .value = "ID", .help = "the component's name in logs", .fallback = "the file's name"},
    {.name = "env",
     .value = "K=V",
     .help = "set an environment variable; K alone passes on weft's own",
     .letter = 'e',
     .repeat = Repeat::many},
    {.name = "dir",
     .value = "HOST[::GUEST][:ro|:rw]",
     .help = "let it use a folder; read-only without :rw",
     .letter = 'd',
     .repeat = Repeat::many},
    {.name = "allow-net", .value = "HOST:PORT", .help = "let it connect there; PORT may be *", .repeat = Repeat::many},
    {.name = "stdio",
     .value = "log|inherit|discard",
     .help = "what becomes of its output",
     .fallback = "log for HTTP and calls, inherit for a command"},
    {.name = "max-memory", .value = "SIZE", .help = "memory of one instance", .fallback = "64MiB"},
    {.name = "timeout",
     .value = "TIME",
     .help = "deadline of one request or call; 0 for none",
     .fallback = "30s; none for a command",
     .letter = 't'},
    {.name = "max-table", .value = "N", .help = "elements of one table", .fallback = "100000"},
});

constexpr std::array kServeOptions = std::to_array<OptionSpec>({
    {.name = "listen",
     .value = "ADDR:PORT",
     .help = "where to serve; port 0 takes a free one",
     .fallback = "127.0.0.1:8000",
     .letter = 'l'},
    {.name = "reuse", .value = "N", .help = "further requests that one instance may serve", .fallback = "0"},
    {.name = "max-concurrent",
     .value = "N",
     .help = "requests in the component at once; 0 for what the pool holds",
     .fallback = "0"},
    {.name = "max-body", .value = "SIZE", .help = "longest request body", .fallback = "no limit"},
    {.name = "max-header", .value = "SIZE", .help = "longest request head", .fallback = "64KiB"},
    {.name = "max-connections", .value = "N", .help = "open connections", .fallback = "20000"},
    {.name = "max-in-flight",
     .value = "N",
     .help = "requests at once, above which 503 is answered",
     .fallback = "2048"},
    {.name = "header-timeout", .value = "TIME", .help = "for a request's head to arrive", .fallback = "10s"},
    {.name = "idle-timeout", .value = "TIME", .help = "for a connection without a request", .fallback = "60s"},
    {.name = "io-timeout", .value = "TIME", .help = "for a client that neither sends nor reads", .fallback = "30s"},
    {.name = "request-timeout",
     .value = "TIME",
     .help = "for a request, from its head to its answer's last byte; 0: any time",
     .fallback = "0"},
    {.name = "drain", .value = "TIME", .help = "for requests in flight after Ctrl-C or SIGTERM", .fallback = "10s"},
    {.name = "access-log", .value = "", .help = "log one line per request"},
});

template <class T>
Result<void> read_whole(const Arguments& arguments, std::string_view option, T& target) {
  const auto text = arguments.value(option);
  if (!text) return {};
  const auto number = parse_whole(*text, std::numeric_limits<T>::max());
  if (!number) {
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is not a number that fits.", option, *text),
                 fmt::format("Write a whole number from 0 to {}.", std::numeric_limits<T>::max()), Blame::operator_);
  }
  target = static_cast<T>(*number);
  return {};
}

/// Every value of a repeatable option through its parser.
template <class T, class Parse>
Result<void> read_each(const Arguments& arguments, std::string_view option, std::vector<T>& target, Parse parse_one) {
  for (const std::string& text : arguments.values(option)) {
    auto parsed = parse_one(text);
    if (!parsed) return at_option(option, parsed.error());
    target.push_back(*std::move(parsed));
  }
  return {};
}

LogLevel log_level(const Arguments& arguments) {
  const std::string name = arguments.value("log-level").value_or("info");
  for (const LogLevel level : {LogLevel::debug, LogLevel::warning, LogLevel::error}) {
    if (name == to_text(level)) return level;
  }
  return LogLevel::info;
}

}  // namespace

std::span<const OptionSpec> host_options() noexcept { return kHostOptions; }
std::span<const OptionSpec> component_options() noexcept { return kComponentOptions; }
std::span<const OptionSpec> serve_options() noexcept { return kServeOptions; }

Result<HostConfig> host_config(const Arguments& arguments, const Context& context, Shards shards) {
  HostConfig config;
  config.shards = shards == Shards::single ? 1 : 0;
  WEFT_CHECK(read_whole(arguments, "shards", config.shards));
  if (config.shards > 1024) {
    return Error(Errc::invalid_argument, "'--shards' is above 1024.", "Give one thread per core, or leave it out.",
                 Blame::operator_);
  }
  config.cache_dir = arguments.value("cache-dir");
  if (arguments.flag("no-cache")) {
    if (config.cache_dir) {
      return Error(Errc::invalid_argument, "'--cache-dir' and '--no-cache' exclude each other.", "Give one of them.",
                   Blame::operator_);
    }
    config.cache_dir = "";
  } else if (config.cache_dir && config.cache_dir->empty()) {
    return Error(Errc::invalid_argument, "'--cache-dir' is empty.", "Name a folder, or write '--no-cache'.",
                 Blame::operator_);
  }
  config.log = make_log_sink(context, log_level(arguments));
  return config;
}

Result<ComponentConfig> component_config(const Arguments& arguments, const Context& context) {
  ComponentConfig config;
  config.id = arguments.value("id").value_or("");
  WEFT_CHECK(read_each(arguments, "env", config.grants.environment,
                       [&](const std::string& text) { return parse_env(text, context.getenv); }));
  WEFT_CHECK(read_each(arguments, "dir", config.grants.dirs, parse_dir));
  WEFT_CHECK(read_each(arguments, "allow-net", config.grants.network, parse_network_peer));
  WEFT_CHECK(read_size(arguments, "max-memory", config.limits.max_memory_bytes));
  WEFT_CHECK(read_whole(arguments, "max-table", config.limits.max_table_elements));
  WEFT_CHECK(read_duration(arguments, "timeout", config.limits.timeout));
  WEFT_CHECK(read_whole(arguments, "reuse", config.limits.reuse));
  WEFT_CHECK(read_whole(arguments, "max-concurrent", config.limits.max_concurrent));
  return config;
}

Result<ServeConfig> serve_config(const Arguments& arguments) {
  ServeConfig config;
  if (const auto text = arguments.value("listen")) {
    auto address = parse_listen(*text);
    if (!address) return at_option("listen", address.error());
    config.listen = *std::move(address);
  }
  WEFT_CHECK(read_size(arguments, "max-body", config.max_body_bytes));
  WEFT_CHECK(read_size(arguments, "max-header", config.max_header_bytes));
  WEFT_CHECK(read_whole(arguments, "max-connections", config.max_connections));
  WEFT_CHECK(read_whole(arguments, "max-in-flight", config.max_requests_in_flight));
  WEFT_CHECK(read_duration(arguments, "header-timeout", config.header_timeout));
  WEFT_CHECK(read_duration(arguments, "idle-timeout", config.idle_timeout));
  WEFT_CHECK(read_duration(arguments, "io-timeout", config.io_timeout));
  WEFT_CHECK(read_duration(arguments, "request-timeout", config.request_timeout));
  config.access_log = arguments.flag("access-log");
  return config;
}

Result<std::chrono::milliseconds> drain_grace(const Arguments& arguments) {
  std::chrono::milliseconds grace{10'000};
  WEFT_CHECK(read_duration(arguments, "drain", grace));
  return grace;
}

std::optional<Stdio> stdio_choice(const Arguments& arguments) {
  const auto name = arguments.value("stdio");
  if (!name) return std::nullopt;
  if (*name == "inherit") return Stdio::inherit;
  return *name == "discard" ? Stdio::discard : Stdio::log;
}

}  // namespace weft::cli
