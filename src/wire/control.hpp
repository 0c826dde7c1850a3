// SPDX-License-Identifier: Apache-2.0
/// The messages of the control interface, both directions: what a client sends, what a host answers.
///
/// Decoders ignore members they do not know, take the documented defaults for those that are missing, and give
/// `malformed` naming the member otherwise. Encoders write exactly what wasmCloud 1.9's clients read.
/// Threads: plain values and pure functions. Source: control-plane facts 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "wire/link.hpp"

namespace weft::wire {

using StringMap = std::map<std::string, std::string>;

/// ---- what a client sends ----

struct ScaleComponent {
  std::string component_id;
  std::string component_ref;
  std::uint32_t count = 0;  ///< concurrent instances; 0: stop
  std::optional<StringMap> annotations;
  std::optional<StringMap> component_limits;
  std::string host_id;
  std::vector<std::string> config;
  bool allow_update = false;
};

struct UpdateComponent {
  std::string component_id;
  std::string new_component_ref;
  std::string host_id;
  std::optional<StringMap> annotations;
};

struct StartProvider {
  std::string provider_id;
  std::string provider_ref;
  std::string host_id;
  std::vector<std::string> config;
  std::optional<StringMap> annotations;
};

struct StopProvider {
  std::string provider_id;  ///< or its alias provider_ref
  std::string host_id;
};

struct StopHost {
  std::string host_id;
  std::optional<std::uint64_t> timeout_ms;
};

struct Auction {
  std::string ref;  ///< component_ref or provider_ref
  std::string id;   ///< component_id or provider_id
  StringMap constraints;
};

struct AuctionAck {
  std::string host_id;
  std::string ref;
  std::string id;
  StringMap constraints;
};

enum class AuctionKind : std::uint8_t { component, provider };

struct DeleteLink {
  std::string source_id;
  std::string name = "default";
  std::string wit_namespace;
  std::string wit_package;
};

struct Label {
  std::string key;
  std::string value;  ///< unused when a label is deleted
};

struct RegistryCredential {
  std::optional<std::string> username;
  std::optional<std::string> password;
  std::optional<std::string> token;
  std::string registry_type = "oci";
};
using RegistryCredentials = std::map<std::string, RegistryCredential>;

/// ---- what a host answers ----

/// Answer to host.ping.
struct HostPing {
  std::string id;
  std::string friendly_name;
  StringMap labels;
  std::string lattice;
  std::uint64_t uptime_seconds = 0;
  std::string uptime_human;
  std::string version;
  std::string ctl_host;
  std::string rpc_host;
  std::optional<std::string> js_domain;
};

struct ComponentDescription {
  std::string id;
  std::string image_ref;
  std::optional<std::string> name;
  StringMap annotations;
  std::int32_t revision = 0;
  std::uint32_t max_instances = 0;
  std::optional<StringMap> limits;
};

struct ProviderDescription {
  std::string id;
  std::string image_ref;  ///< without scheme
  std::optional<std::string> name;
  StringMap annotations;
  std::int32_t revision = 0;
};

/// Answer to host.get, and the data of the heartbeat.
struct HostInventory {
  std::string host_id;
  std::string friendly_name;
  StringMap labels;
  std::string version;
  std::string uptime_human;
  std::uint64_t uptime_seconds = 0;
  std::vector<ComponentDescription> components;
  std::vector<ProviderDescription> providers;
};

/// The envelope around every answer. `response` is JSON text; empty: the member is left out.
struct Reply {
  bool success = true;
  std::string message;
  std::string response;
};

std::string encode(const Reply& reply);
Result<Reply> decode_reply(std::string_view json);

std::string encode(const ScaleComponent& command);
Result<ScaleComponent> decode_scale_component(std::string_view json);
std::string encode(const UpdateComponent& command);
Result<UpdateComponent> decode_update_component(std::string_view json);
std::string encode(const StartProvider& command);
Result<StartProvider> decode_start_provider(std::string_view json);
std::string encode(const StopProvider& command);
Result<StopProvider> decode_stop_provider(std::string_view json);
std::string encode(const StopHost& command);
/// An empty body is allowed.
Result<StopHost> decode_stop_host(std::string_view json);
std::string encode(const Auction& auction, AuctionKind kind);
Result<Auction> decode_auction(std::string_view json, AuctionKind kind);
std::string encode(const AuctionAck& ack, AuctionKind kind);
Result<AuctionAck> decode_auction_ack(std::string_view json, AuctionKind kind);
std::string encode(const DeleteLink& command);
Result<DeleteLink> decode_delete_link(std::string_view json);
std::string encode(const Label& label);
/// label.put needs a value, label.del does not.
Result<Label> decode_label_put(std::string_view json);
Result<Label> decode_label_del(std::string_view json);
std::string encode(const RegistryCredentials& credentials);
Result<RegistryCredentials> decode_registry_credentials(std::string_view json);
/// What a host asks the config service, and what that has for it (control-plane facts 2.6).
std::string encode_config_question(const StringMap& labels);
Result<RegistryCredentials> decode_config_answer(std::string_view json);
std::string encode(const HostPing& ping);
Result<HostPing> decode_host_ping(std::string_view json);
std::string encode(const HostInventory& inventory);
Result<HostInventory> decode_host_inventory(std::string_view json);
std::string encode(const std::vector<Link>& links);
Result<std::vector<Link>> decode_links(std::string_view json);
/// claims.get: a list of string maps.
std::string encode(const std::vector<StringMap>& claims);
Result<std::vector<StringMap>> decode_claims_list(std::string_view json);
/// config.get, config.put: an object whose values are all strings.
std::string encode(const StringMap& map);
Result<StringMap> decode_string_map(std::string_view json);

}  // namespace weft::wire
