// SPDX-License-Identifier: Apache-2.0
/// Gets the secrets that a workload's list of configurations names, from the backends that the references name. What is
/// asked and answered is sealed between the host and the backend; each request has a key of its own.
///
/// Ownership: by the node; borrows bus and store. Threads: the control shard. Errors: unavailable (no topic, no backend
/// answers), permission_denied (the workload is not signed; the backend says so), not_found (no such reference; no such
/// secret), malformed, refused: each names the reference, the backend and what would help, and none holds a value.
/// A backend's key is kept until something sealed with it is not understood. Source: control-plane facts 9.3-9.5.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "bus/bus.hpp"
#include "lattice/lattice_store.hpp"
#include "wire/nkey.hpp"
#include "wire/secrets.hpp"

namespace weft::lattice {

/// Whose secrets, and which.
struct SecretsWanted {
  std::vector<std::string> names;          ///< of configurations; those that stand for no secrets are passed over
  std::string workload;                    ///< for errors: "component cart"
  std::string token;                       ///< its claims; empty: it is not signed
  std::optional<std::string> application;  ///< that it is a part of
};

/// The application that a workload with these annotations is a part of.
std::optional<std::string> application_of(const std::optional<wire::StringMap>& annotations);

class SecretsClient {
 public:
  using Random = std::function<std::array<std::uint8_t, 32>()>;

  /// `topic` empty: there are no backends. `host_token`: what the host says of itself (sign_host_token()).
  SecretsClient(bus::Bus& bus, const LatticeStore& store, std::string topic, std::string host_token, Random random)
      : bus_(bus),
        store_(store),
        topic_(std::move(topic)),
        host_token_(std::move(host_token)),
        random_(std::move(random)) {}
  SecretsClient(const SecretsClient&) = delete;
  SecretsClient& operator=(const SecretsClient&) = delete;

  /// All of them, by the names that the workload knows; or the first error.
  async::Task<wire::SecretMap> fetch(SecretsWanted wanted);

 private:
  async::Task<wire::SecretValue> get(wire::SecretReference reference, wire::SecretContext context);
  async::Task<wire::SecretValue> get_with(wire::PublicKey backend_key, wire::SecretReference reference,
                                          wire::SecretContext context);
  async::Task<wire::PublicKey> key_of(std::string backend);

  bus::Bus& bus_;
  const LatticeStore& store_;
  std::string topic_;
  std::string host_token_;
  Random random_;
  std::map<std::string, wire::PublicKey, std::less<>> keys_;  ///< of backends
};

}  // namespace weft::lattice
