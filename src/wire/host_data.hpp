// SPDX-License-Identifier: Apache-2.0
/// What a host and its provider processes tell each other: the document that a provider is born with, links as it sees
/// them, secrets sealed for it, its health, the request to end; and the subjects for that. Both ways, for hosts and for
/// providers.
///
/// Not the links of the store (link.hpp): those name configurations, these hold their values.
/// Threads: plain values and pure functions; nonces are passed in. Errors: malformed (blame: peer) where nothing else
/// is named; no message holds a value. Limits: those of json.hpp. Source: data-plane facts 4.3-4.9.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "wire/control.hpp"
#include "wire/link.hpp"
#include "wire/nkey.hpp"
#include "wire/sealed_box.hpp"

namespace weft::wire {

struct SecretValue {
  enum class Kind : std::uint8_t { text, bytes };
  Kind kind = Kind::text;
  std::string value;

  bool operator==(const SecretValue&) const = default;
};
/// Secrets by the name under which a workload looks them up.
using SecretMap = std::map<std::string, SecretValue>;

struct LinkDefinition {
  std::string source_id;
  std::string target;
  std::string name = "default";
  std::string wit_namespace;
  std::string wit_package;
  std::vector<std::string> interfaces;
  StringMap source_config;
  StringMap target_config;
  /// Boxes of seal_secrets(); nothing where there are no secrets.
  std::optional<std::string> source_secrets;
  std::optional<std::string> target_secrets;

  bool operator==(const LinkDefinition&) const = default;
};

/// A link of the store with the values of its configurations in place of their names.
LinkDefinition define_link(const Link& link, StringMap source_config, StringMap target_config);

/// Where a provider sends traces, metrics and logs.
struct OtelConfig {
  enum class Protocol : std::uint8_t { http, grpc };
  bool enable_observability = false;
  std::optional<bool> enable_traces;
  std::optional<bool> enable_metrics;
  std::optional<bool> enable_logs;
  std::optional<std::string> observability_endpoint;
  std::optional<std::string> traces_endpoint;
  std::optional<std::string> metrics_endpoint;
  std::optional<std::string> logs_endpoint;
  Protocol protocol = Protocol::http;
  std::vector<std::string> additional_ca_paths;
  std::string trace_level = "info";
  std::optional<std::string> traces_sampler;
  std::optional<std::string> traces_sampler_arg;
  std::optional<std::uint64_t> max_batch_queue_size;
  std::optional<std::uint64_t> concurrent_exports;

  bool operator==(const OtelConfig&) const = default;
};

/// What a provider reads when it begins.
struct HostData {
  std::string host_id;
  std::string lattice_rpc_prefix;  ///< the lattice
  std::string link_name = "default";
  std::string lattice_rpc_user_jwt;
  std::string lattice_rpc_user_seed;
  std::string lattice_rpc_url;
  std::string provider_key;  ///< its id
  StringMap env_values;
  std::string instance_id;  ///< of one process
  std::vector<LinkDefinition> link_definitions;
  std::vector<std::string> cluster_issuers;
  StringMap config;
  SecretMap secrets;
  std::string host_xkey_public_key;
  std::string provider_xkey_private_key;  ///< a seed
  std::optional<std::uint64_t> default_rpc_timeout_ms;
  bool structured_logging = false;
  std::optional<std::string> log_level;
  OtelConfig otel_config;

  bool operator==(const HostData&) const = default;
};

struct HealthReply {
  bool healthy = false;
  std::optional<std::string> message;

  bool operator==(const HealthReply&) const = default;
};

/// Meant for the provider of one host; those of other hosts hear it too and let it pass.
struct ShutdownRequest {
  std::string host_id;

  bool operator==(const ShutdownRequest&) const = default;
};

/// A configuration update is a StringMap (control.hpp).
std::string encode(const HostData& data);
Result<HostData> decode_host_data(std::string_view json);
std::string encode(const LinkDefinition& link);
Result<LinkDefinition> decode_link_definition(std::string_view json);
std::string encode(const HealthReply& reply);
Result<HealthReply> decode_health_reply(std::string_view json);
std::string encode(const ShutdownRequest& request);
Result<ShutdownRequest> decode_shutdown_request(std::string_view json);
std::string encode(const SecretMap& secrets);
Result<SecretMap> decode_secret_map(std::string_view json);

/// What stands on a provider's standard input: one line of padded base64, then its end. White space around it is let
/// pass when it is read, no other alphabet is.
std::string host_data_line(const HostData& data);
Result<HostData> read_host_data_line(std::string_view line);

/// A link's secrets for one provider. Nothing: there are none, and none are sealed. Errors: those of seal().
Result<std::optional<std::string>> seal_secrets(const SecretMap& secrets, const KeyPair& host,
                                                const PublicKey& provider,
                                                std::span<const std::uint8_t, kNonceBytes> nonce);
/// Errors: permission_denied (not sealed by that host for this provider), malformed (what was sealed is no secrets).
Result<SecretMap> open_secrets(const std::optional<std::string>& sealed, const KeyPair& provider,
                               const PublicKey& host);

enum class ProviderSubject : std::uint8_t { health, shutdown, link_put, link_del, config_update };
/// "wasmbus.rpc.{lattice}.{provider}.health". `provider` is its id, but for links that are put to a provider of 1.1 or
/// later: its public xkey.
std::string provider_subject(std::string_view lattice, std::string_view provider, ProviderSubject subject);

}  // namespace weft::wire
