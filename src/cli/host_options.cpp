// SPDX-License-Identifier: Apache-2.0
#include "cli/host_options.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kHost = std::to_array<OptionSpec>({
    {.name = "lattice",
     .value = "NAME",
     .help = "the lattice it belongs to",
     .fallback = "default",
     .letter = 'x',
     .environment = "WASMCLOUD_LATTICE"},
    {.name = "host-seed",
     .value = "SEED",
     .help = "the host's key",
     .fallback = "a new one",
     .environment = "WASMCLOUD_HOST_SEED"},
    {.name = "label",
     .value = "K=V",
     .help = "a label of this host; so is each variable WASMCLOUD_LABEL_K",
     .letter = 'l',
     .repeat = Repeat::many},
    {.name = "allow-file-load",
     .value = "",
     .help = "let commands name files of this machine",
     .environment = "WASMCLOUD_ALLOW_FILE_LOAD"},
    {.name = "allow-spy",
     .value = "",
     .help = "let all who may ask hosts in the lattice watch this one's calls, with their values ('weft spy')"},
    {.name = "heartbeat-interval-seconds",
     .value = "N",
     .help = "between heartbeats",
     .fallback = "30",
     .environment = "WASMCLOUD_HEARTBEAT_INTERVAL"},
    {.name = "max-execution-time-ms",
     .value = "N",
     .help = "deadline of one call",
     .fallback = "600000",
     .environment = "WASMCLOUD_MAX_EXECUTION_TIME_MS"},
    {.name = "max-linear-memory-bytes",
     .value = "N",
     .help = "memory of one instance",
     .fallback = "268435456",
     .environment = "WASMCLOUD_MAX_LINEAR_MEMORY"},
    {.name = "enable-component-auction",
     .value = "BOOL",
     .help = "bid for components",
     .fallback = "true",
     .environment = "WASMCLOUD_COMPONENT_AUCTION_ENABLED"},
    {.name = "enable-provider-auction",
     .value = "BOOL",
     .help = "bid for providers",
     .fallback = "true",
     .environment = "WASMCLOUD_PROVIDER_AUCTION_ENABLED"},
    {.name = "provider-shutdown-delay-ms",
     .value = "N",
     .help = "for a provider process that is asked to end",
     .fallback = "300",
     .environment = "WASMCLOUD_PROV_SHUTDOWN_DELAY_MS"},
    {.name = "rpc-timeout-ms",
     .value = "N",
     .help = "of requests to provider processes",
     .fallback = "2000",
     .environment = "WASMCLOUD_RPC_TIMEOUT_MS"},
    {.name = "log-level",
     .value = "LEVEL",
     .help = "error, warn, info, debug or trace",
     .fallback = "INFO",
     .environment = "WASMCLOUD_LOG_LEVEL"},
    {.name = "enable-structured-logging",
     .value = "",
     .help = "log lines as JSON",
     .environment = "WASMCLOUD_STRUCTURED_LOGGING_ENABLED"},
    {.name = "http-admin",
     .value = "ADDR:PORT",
     .help = "serve /livez and /readyz there",
     .environment = "WASMCLOUD_HTTP_ADMIN"},
    {.name = "metrics", .value = "ADDR:PORT", .help = "serve /metrics there, for Prometheus; weft's own"},
    {.name = "data-dir", .value = "DIR", .help = "keep the host's state; weft's own", .fallback = "nothing is kept"},
    {.name = "no-local-fast-path", .value = "", .help = "call what runs here over NATS too; weft's own"},
});

constexpr std::array kNats = std::to_array<OptionSpec>({
    {.name = "nats-host",
     .value = "ADDR",
     .help = "the NATS server",
     .fallback = "127.0.0.1",
     .environment = "WASMCLOUD_NATS_HOST"},
    {.name = "nats-port", .value = "N", .help = "its port", .fallback = "4222", .environment = "WASMCLOUD_NATS_PORT"},
    {.name = "nats-jwt", .value = "JWT", .help = "with --nats-seed", .environment = "WASMCLOUD_NATS_JWT"},
    {.name = "nats-seed", .value = "SEED", .help = "with --nats-jwt", .environment = "WASMCLOUD_NATS_SEED"},
    {.name = "nats-creds", .value = "FILE", .help = "credentials", .environment = "WASMCLOUD_NATS_CREDS"},
    {.name = "ctl-host", .value = "ADDR", .help = "in place of --nats-host", .environment = "WASMCLOUD_CTL_HOST"},
    {.name = "ctl-port", .value = "N", .help = "in place of --nats-port", .environment = "WASMCLOUD_CTL_PORT"},
    {.name = "ctl-jwt", .value = "JWT", .help = "in place of --nats-jwt", .environment = "WASMCLOUD_CTL_JWT"},
    {.name = "ctl-seed", .value = "SEED", .help = "in place of --nats-seed", .environment = "WASMCLOUD_CTL_SEED"},
    {.name = "ctl-creds", .value = "FILE", .help = "in place of --nats-creds", .environment = "WASMCLOUD_CTL_CREDS"},
    {.name = "ctl-tls", .value = "", .help = "require TLS", .environment = "WASMCLOUD_CTL_TLS"},
    {.name = "rpc-host",
     .value = "ADDR",
     .help = "for calls between hosts, in place of --nats-host",
     .environment = "WASMCLOUD_RPC_HOST"},
    {.name = "rpc-port", .value = "N", .help = "in place of --nats-port", .environment = "WASMCLOUD_RPC_PORT"},
    {.name = "rpc-jwt", .value = "JWT", .help = "in place of --nats-jwt", .environment = "WASMCLOUD_RPC_JWT"},
    {.name = "rpc-seed", .value = "SEED", .help = "in place of --nats-seed", .environment = "WASMCLOUD_RPC_SEED"},
    {.name = "rpc-creds", .value = "FILE", .help = "in place of --nats-creds", .environment = "WASMCLOUD_RPC_CREDS"},
    {.name = "rpc-tls", .value = "", .help = "require TLS for calls", .environment = "WASMCLOUD_RPC_TLS"},
    {.name = "ctl-topic-prefix",
     .value = "PREFIX",
     .help = "of the control interface's subjects",
     .fallback = "wasmbus.ctl",
     .environment = "WASMCLOUD_CTL_TOPIC_PREFIX"},
    {.name = "js-domain", .value = "NAME", .help = "JetStream domain", .environment = "WASMCLOUD_JS_DOMAIN"},
});

/// An option that weft only takes note of.
constexpr OptionSpec other(std::string_view name, std::string_view value, std::string_view environment,
                           std::string_view fallback = {}) {
  return {.name = name, .value = value, .help = "not supported yet", .fallback = fallback, .environment = environment};
}

constexpr std::array kOther{
    other("max-component-size-bytes", "N", "WASMCLOUD_MAX_COMPONENT_SIZE", "52428800"),
    other("max-components", "N", "WASMCLOUD_MAX_COMPONENTS", "10000"),
    other("max-core-instances-per-component", "N", "WASMCLOUD_MAX_CORE_INSTANCES_PER_COMPONENT", "30"),
    other("feature", "LIST", "WASMCLOUD_EXPERIMENTAL_FEATURES"),
    other("trace-level", "LEVEL", "WASMCLOUD_TRACE_LEVEL", "INFO"),
    other("enable-observability", "", "WASMCLOUD_OBSERVABILITY_ENABLED"),
    other("enable-traces", "", "WASMCLOUD_TRACES_ENABLED"),
    other("enable-metrics", "", "WASMCLOUD_METRICS_ENABLED"),
    other("enable-logs", "", "WASMCLOUD_LOGS_ENABLED"),
    other("observability-protocol", "PROTOCOL", "WASMCLOUD_OBSERVABILITY_PROTOCOL", "http"),
    other("override-observability-endpoint", "URL", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    other("override-traces-endpoint", "URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    other("override-metrics-endpoint", "URL", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
    other("override-logs-endpoint", "URL", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
    other("flame-graph", "FILE", "WASMCLOUD_FLAME_GRAPH"),
};

}  // namespace

std::span<const OptionSpec> wasmcloud_host_options() noexcept { return kHost; }
std::span<const OptionSpec> wasmcloud_nats_options() noexcept { return kNats; }
std::span<const OptionSpec> wasmcloud_other_options() noexcept { return kOther; }

}  // namespace weft::cli
