// SPDX-License-Identifier: Apache-2.0
#include "wire/host_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

constexpr std::string_view kWhiteSpace = " \t\r\n";

json::array bytes_to_json(std::string_view bytes) {
  json::array array;
  array.reserve(bytes.size());
  for (const char byte : bytes) array.emplace_back(static_cast<unsigned char>(byte));
  return array;
}

std::string read_bytes(const json::value& value, std::string& out) {
  std::vector<std::uint8_t> bytes;
  if (auto fault = read_json(value, bytes); !fault.empty()) return fault;
  out.assign(bytes.begin(), bytes.end());
  return {};
}

json::value sealed_to_json(const std::optional<std::string>& sealed) {
  return sealed ? json::value(bytes_to_json(*sealed)) : json::value(nullptr);
}

/// A sealed box inside a document: a type of its own, because its bytes are an array there and no text.
struct SealedMember {
  std::optional<std::string>& out;
};

std::string read_json(const json::value& value, SealedMember& member) {
  member.out.reset();
  if (value.is_null()) return {};
  return read_bytes(value, member.out.emplace());
}

std::string_view to_text(ProviderSubject subject) {
  switch (subject) {
    case ProviderSubject::health:
      return "health";
    case ProviderSubject::shutdown:
      return "default.shutdown";
    case ProviderSubject::link_put:
      return "linkdefs.put";
    case ProviderSubject::link_del:
      return "linkdefs.del";
    case ProviderSubject::config_update:
      return "config.update";
  }
  return {};
}

}  // namespace

// Found by the readers and writers of lists and members through their types: hence not in the unnamed namespace.
static json::object to_json(const SecretValue& secret) {
  if (secret.kind == SecretValue::Kind::bytes) return {{"kind", "Bytes"}, {"value", bytes_to_json(secret.value)}};
  return {{"kind", "String"}, {"value", secret.value}};
}

static json::object to_json(const SecretMap& secrets) {
  json::object object;
  for (const auto& [name, secret] : secrets) object.insert_or_assign(name, to_json(secret));
  return object;
}

static json::object to_json(const LinkDefinition& link) {
  auto object = link_members(link);
  object.emplace("source_secrets", sealed_to_json(link.source_secrets));
  object.emplace("target_secrets", sealed_to_json(link.target_secrets));
  return object;
}

static json::object to_json(const OtelConfig& otel) {
  json::object object{{"enable_observability", otel.enable_observability}};
  put_optional(object, "enable_traces", otel.enable_traces);
  put_optional(object, "enable_metrics", otel.enable_metrics);
  put_optional(object, "enable_logs", otel.enable_logs);
  put_optional(object, "observability_endpoint", otel.observability_endpoint);
  put_optional(object, "traces_endpoint", otel.traces_endpoint);
  put_optional(object, "metrics_endpoint", otel.metrics_endpoint);
  put_optional(object, "logs_endpoint", otel.logs_endpoint);
  // With a capital, as some providers insist.
  object.emplace("protocol", otel.protocol == OtelConfig::Protocol::grpc ? "Grpc" : "Http");
  object.emplace("additional_ca_paths", to_json(otel.additional_ca_paths));
  object.emplace("trace_level", otel.trace_level);
  put_optional(object, "traces_sampler", otel.traces_sampler);
  put_optional(object, "traces_sampler_arg", otel.traces_sampler_arg);
  put_optional(object, "max_batch_queue_size", otel.max_batch_queue_size);
  put_optional(object, "concurrent_exports", otel.concurrent_exports);
  return object;
}

static std::string read_json(const json::value& value, SecretValue& out) {
  if (!value.is_object()) return "must be an object";
  const auto& object = value.get_object();
  std::string kind;
  MemberReader members(object);
  if (!members.required("kind", kind).fault().empty()) return members.fault();
  if (kind == "String") {
    out.kind = SecretValue::Kind::text;
    return members.required("value", out.value).fault();
  }
  if (kind != "Bytes") return "member `kind` must be \"String\" or \"Bytes\"";
  out.kind = SecretValue::Kind::bytes;
  const auto* const bytes = object.if_contains("value");
  if (bytes == nullptr) return "member `value` is missing";
  const auto fault = read_bytes(*bytes, out.value);
  return fault.empty() ? std::string() : "member `value` " + fault;
}

static std::string read_json(const json::value& value, SecretMap& out) {
  if (!value.is_object()) return "must be an object";
  out.clear();
  for (const auto& [name, secret] : value.get_object()) {
    // Neither a name nor a value is told: both may give away what they protect.
    if (auto fault = read_json(secret, out[std::string(name)]); !fault.empty()) return "has a secret that " + fault;
  }
  return {};
}

static std::string read_json(const json::value& value, OtelConfig::Protocol& out) {
  std::string name;
  if (auto fault = read_json(value, name); !fault.empty()) return fault;
  if (name != "Http" && name != "http" && name != "Grpc" && name != "grpc") return "must be \"Http\" or \"Grpc\"";
  out = name == "Grpc" || name == "grpc" ? OtelConfig::Protocol::grpc : OtelConfig::Protocol::http;
  return {};
}

static std::string read_json(const json::value& value, OtelConfig& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return members.defaulted("enable_observability", out.enable_observability)
      .defaulted("enable_traces", out.enable_traces)
      .defaulted("enable_metrics", out.enable_metrics)
      .defaulted("enable_logs", out.enable_logs)
      .defaulted("observability_endpoint", out.observability_endpoint)
      .defaulted("traces_endpoint", out.traces_endpoint)
      .defaulted("metrics_endpoint", out.metrics_endpoint)
      .defaulted("logs_endpoint", out.logs_endpoint)
      .defaulted("protocol", out.protocol)
      .defaulted("additional_ca_paths", out.additional_ca_paths)
      .defaulted("trace_level", out.trace_level)
      .defaulted("traces_sampler", out.traces_sampler)
      .defaulted("traces_sampler_arg", out.traces_sampler_arg)
      .defaulted("max_batch_queue_size", out.max_batch_queue_size)
      .defaulted("concurrent_exports", out.concurrent_exports)
      .fault();
}

static std::string read_json(const json::value& value, LinkDefinition& out) {
  if (!value.is_object()) return "must be an object";
  SealedMember source{out.source_secrets};
  SealedMember target{out.target_secrets};
  MemberReader members(value.get_object());
  return read_link_members(members, out)
      .defaulted("source_secrets", source)
      .defaulted("target_secrets", target)
      .fault();
}

LinkDefinition define_link(const Link& link, StringMap source_config, StringMap target_config) {
  return {.source_id = link.source_id,
          .target = link.target,
          .name = link.name,
          .wit_namespace = link.wit_namespace,
          .wit_package = link.wit_package,
          .interfaces = link.interfaces,
          .source_config = std::move(source_config),
          .target_config = std::move(target_config),
          .source_secrets = {},
          .target_secrets = {}};
}

std::string encode(const HostData& data) {
  json::object object{{"host_id", data.host_id},
                      {"lattice_rpc_prefix", data.lattice_rpc_prefix},
                      {"link_name", data.link_name},
                      {"lattice_rpc_user_jwt", data.lattice_rpc_user_jwt},
                      {"lattice_rpc_user_seed", data.lattice_rpc_user_seed},
                      {"lattice_rpc_url", data.lattice_rpc_url},
                      {"provider_key", data.provider_key},
                      {"env_values", to_json(data.env_values)},
                      {"instance_id", data.instance_id}};
  json::array links;
  links.reserve(data.link_definitions.size());
  for (const auto& link : data.link_definitions) links.emplace_back(to_json(link));
  object.emplace("link_definitions", std::move(links));
  object.emplace("cluster_issuers", to_json(data.cluster_issuers));
  object.emplace("config", to_json(data.config));
  object.emplace("secrets", to_json(data.secrets));
  object.emplace("host_xkey_public_key", data.host_xkey_public_key);
  object.emplace("provider_xkey_private_key", data.provider_xkey_private_key);
  put_optional(object, "default_rpc_timeout_ms", data.default_rpc_timeout_ms);
  object.emplace("structured_logging", data.structured_logging);
  put_optional(object, "log_level", data.log_level);
  object.emplace("otel_config", to_json(data.otel_config));
  return json_text(object);
}

Result<HostData> decode_host_data(std::string_view text) {
  constexpr std::string_view what = "host data";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  HostData data;
  data.link_name.clear();
  MemberReader members(object);
  members.defaulted("host_id", data.host_id)
      .defaulted("lattice_rpc_prefix", data.lattice_rpc_prefix)
      .defaulted("link_name", data.link_name)
      .defaulted("lattice_rpc_user_jwt", data.lattice_rpc_user_jwt)
      .defaulted("lattice_rpc_user_seed", data.lattice_rpc_user_seed)
      .defaulted("lattice_rpc_url", data.lattice_rpc_url)
      .defaulted("provider_key", data.provider_key)
      .required("env_values", data.env_values)
      .defaulted("instance_id", data.instance_id)
      .required("link_definitions", data.link_definitions)
      .defaulted("cluster_issuers", data.cluster_issuers)
      .defaulted("config", data.config)
      .defaulted("secrets", data.secrets)
      .defaulted("host_xkey_public_key", data.host_xkey_public_key)
      .defaulted("provider_xkey_private_key", data.provider_xkey_private_key)
      .defaulted("default_rpc_timeout_ms", data.default_rpc_timeout_ms)
      .defaulted("structured_logging", data.structured_logging)
      .defaulted("log_level", data.log_level)
      .defaulted("otel_config", data.otel_config);
  return std::move(members).finish(what, std::move(data));
}

std::string encode(const LinkDefinition& link) { return json_text(to_json(link)); }

Result<LinkDefinition> decode_link_definition(std::string_view text) {
  return decode_value<LinkDefinition>(text, "link definition");
}

std::string encode(const HealthReply& reply) {
  json::object object{{"healthy", reply.healthy}};
  put_optional(object, "message", reply.message);
  return json_text(object);
}

Result<HealthReply> decode_health_reply(std::string_view text) {
  constexpr std::string_view what = "health reply";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  HealthReply reply;
  MemberReader members(object);
  members.defaulted("healthy", reply.healthy).defaulted("message", reply.message);
  return std::move(members).finish(what, std::move(reply));
}

std::string encode(const ShutdownRequest& request) { return json_text(json::object{{"host_id", request.host_id}}); }

Result<ShutdownRequest> decode_shutdown_request(std::string_view text) {
  constexpr std::string_view what = "shutdown request";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  ShutdownRequest request;
  MemberReader members(object);
  members.required("host_id", request.host_id);
  return std::move(members).finish(what, std::move(request));
}

std::string encode(const SecretMap& secrets) { return json_text(to_json(secrets)); }

Result<SecretMap> decode_secret_map(std::string_view text) { return decode_value<SecretMap>(text, "secrets"); }

std::string host_data_line(const HostData& data) { return to_base64(encode(data), Base64::standard) + "\r\n"; }

Result<HostData> read_host_data_line(std::string_view line) {
  const auto begin = line.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return malformed_json("host data", "there is none");
  line = line.substr(begin, line.find_last_not_of(kWhiteSpace) + 1 - begin);
  const auto text = from_base64(line, Base64::standard);
  if (!text) return malformed_json("host data", "it is not padded base64");
  return decode_host_data(*text);
}

Result<std::optional<std::string>> seal_secrets(const SecretMap& secrets, const KeyPair& host,
                                                const PublicKey& provider,
                                                std::span<const std::uint8_t, kNonceBytes> nonce) {
  if (secrets.empty()) return std::optional<std::string>();
  WEFT_TRY(auto sealed, seal(encode(secrets), host, provider, nonce));
  return std::optional(std::move(sealed));
}

Result<SecretMap> open_secrets(const std::optional<std::string>& sealed, const KeyPair& provider,
                               const PublicKey& host) {
  if (!sealed) return SecretMap();
  WEFT_TRY(const auto text, open_sealed(*sealed, provider, host));
  return decode_secret_map(text);
}

std::string provider_subject(std::string_view lattice, std::string_view provider, ProviderSubject subject) {
  return fmt::format("wasmbus.rpc.{}.{}.{}", lattice, provider, to_text(subject));
}

}  // namespace weft::wire
