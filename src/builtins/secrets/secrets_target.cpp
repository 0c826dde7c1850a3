// SPDX-License-Identifier: Apache-2.0
#include "builtins/secrets/secrets_target.hpp"

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <weft/value.hpp>

#include "base/assert.hpp"
#include "builtins/published.hpp"

namespace weft::builtins {
namespace {

constexpr std::string_view kStore = "wasmcloud:secrets/store";
constexpr std::string_view kReveal = "wasmcloud:secrets/reveal";

struct Secret;
/// variant secrets-error { upstream(string), io(string), not-found }
using SecretsError = std::variant<std::string, std::string, std::monostate>;
using Got = std::expected<Handle<Secret>, SecretsError>;
/// variant secret-value { string(string), bytes(list<u8>) }
using SecretValue = std::variant<std::string_view, std::span<const std::byte>>;

Got get(const wire::SecretMap& secrets, std::string name) {
  if (!secrets.contains(name)) return std::unexpected(SecretsError(std::in_place_index<2>));
  return Handle<Secret>{std::move(name)};
}

Result<SecretValue> reveal(const wire::SecretMap& secrets, const Handle<Secret>& secret) {
  const auto found = secrets.find(secret.bytes);
  if (found == secrets.end()) {
    return Error(Errc::not_found, "the component does not have that secret any more", "get it again", Blame::guest);
  }
  const auto& [kind, value] = found->second;
  if (kind == wire::SecretValue::Kind::text) return SecretValue(std::in_place_index<0>, value);
  return SecretValue(std::in_place_index<1>, std::as_bytes(std::span(value)));
}

}  // namespace

class SecretsTarget::Service final : public Builtin {
 public:
  Service(std::size_t shards, wire::SecretMap secrets)
      : secrets_(shards, std::make_shared<const wire::SecretMap>(std::move(secrets))) {
    function(kStore, "get", [this](const CallInfo& call, std::string name) {
      return get(*secrets_.read(call.shard), std::move(name));
    });
    // The views end with the call's encoding; the slot of the shard holds the map until its next call.
    function(kReveal, "reveal", [this](const CallInfo& call, const Handle<Secret>& secret) {
      return reveal(*secrets_.read(call.shard), secret);
    });
  }

  void publish(wire::SecretMap secrets) {
    secrets_.publish(std::make_shared<const wire::SecretMap>(std::move(secrets)));
  }

 private:
  Published<wire::SecretMap> secrets_;
};

SecretsTarget::SecretsTarget(std::string component, std::size_t shards, wire::SecretMap secrets) {
  auto service = std::make_unique<Service>(shards, std::move(secrets));
  service_ = service.get();
  auto target = BuiltinTarget::create(std::move(service), {.id = std::move(component) + "/secrets", .shards = shards});
  WEFT_ASSERT(target.has_value());
  target_ = *std::move(target);
}

void SecretsTarget::update(wire::SecretMap secrets) { service_->publish(std::move(secrets)); }

}  // namespace weft::builtins
