// SPDX-License-Identifier: Apache-2.0
/// What a host and a secrets backend say to each other, and the entry of a lattice's configurations that stands for a
/// secret. The messages are sealed (sealed_box.hpp); these are the texts inside.
///
/// Threads: plain values and pure functions. Errors: malformed (blame: peer) where nothing else is named; no message
/// holds a value. Limits: those of json.hpp. Source: control-plane facts 9.3, 9.5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "wire/control.hpp"
#include "wire/host_data.hpp"

namespace weft::wire {

/// The key that a request is sealed with, and the one that its answer is. Case counts.
inline constexpr std::string_view kRequestKeyHeader = "WasmCloud-Host-Xkey";
inline constexpr std::string_view kResponseKeyHeader = "Server-Response-Xkey";

/// Where a secret is, under a name that begins with SECRET.
struct SecretReference {
  std::string name;  ///< by which the workload asks for it
  std::string backend;
  std::string key;
  std::optional<std::string> field;
  std::optional<std::string> version;  ///< nothing: the newest
  std::string policy;                  ///< JSON text for the backend, handed on as it is

  bool operator==(const SecretReference&) const = default;
};

/// `entry`: the name of the configuration, for errors.
Result<SecretReference> read_secret_reference(std::string_view entry, const StringMap& config);

/// Who asks for a secret.
struct SecretContext {
  std::string entity_jwt;                  ///< the claims of a component or provider, as found
  std::string host_jwt;                    ///< sign_host_token()
  std::optional<std::string> application;  ///< that it is a part of
};

/// The text of a request.
std::string secret_request(const SecretReference& reference, const SecretContext& context);
/// Errors: not_found, permission_denied, refused: what the backend says; malformed: neither a secret nor an error.
Result<SecretValue> decode_secret_response(std::string_view json);

enum class SecretsSubject : std::uint8_t { server_key, get };
/// "{topic}.v1alpha1.{backend}.get".
std::string secrets_subject(std::string_view topic, std::string_view backend, SecretsSubject subject);

}  // namespace weft::wire
