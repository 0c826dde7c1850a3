// SPDX-License-Identifier: Apache-2.0
#include "lattice/secrets_client.hpp"

#include <fmt/format.h>

#include <chrono>
#include <span>
#include <utility>

#include "wire/config_merge.hpp"
#include "wire/sealed_box.hpp"

namespace weft::lattice {
namespace {

constexpr std::chrono::milliseconds kTimeout{10'000};
constexpr const char* kApplication = "wasmcloud.dev/appspec";

/// With the reference, the backend and what would help.
Error at_reference(const wire::SecretReference& reference, const std::string& workload, const Error& error) {
  const auto unreachable = error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
  auto hint = unreachable                               ? fmt::format("start the secrets backend {}", reference.backend)
              : error.code() == Errc::not_found         ? "put the secret there, or correct the reference"
              : error.code() == Errc::permission_denied ? "let the backend give it to who signed this workload"
                                                        : "see what the backend says of it";
  return Error(error.code(),
               fmt::format("{}: the secrets backend {} does not give the secret {} (key {}): {}", workload,
                           reference.backend, reference.name, reference.key, error.message()),
               std::move(hint), Blame::operator_);
}

/// It had another key than the one that is known.
bool is_about_keys(const Error& error) {
  return error.message().starts_with("InvalidXKey") || error.message().starts_with("DecryptionError");
}

}  // namespace

std::optional<std::string> application_of(const std::optional<wire::StringMap>& annotations) {
  if (!annotations) return std::nullopt;
  const auto found = annotations->find(kApplication);
  return found == annotations->end() ? std::nullopt : std::optional(found->second);
}

async::Task<wire::SecretMap> SecretsClient::fetch(SecretsWanted wanted) {
  wire::SecretMap secrets;
  const auto names = wire::split_config_names(wanted.names).secrets;
  if (names.empty()) co_return secrets;
  if (topic_.empty()) {
    co_return Error(
        Errc::unavailable,
        fmt::format("{} names the secret {}, and this host asks no secrets backend", wanted.workload, names.front()),
        "start the host with --secrets-topic wasmcloud.secrets, or leave the secret out", Blame::operator_);
  }
  if (wanted.token.empty()) {
    co_return Error(Errc::permission_denied,
                    fmt::format("{} names the secret {} and is not signed: backends give secrets to signed ones alone",
                                wanted.workload, names.front()),
                    "sign it: weft claims sign FILE", Blame::operator_);
  }
  const wire::SecretContext context{
      .entity_jwt = wanted.token, .host_jwt = host_token_, .application = wanted.application};
  for (const auto& name : names) {
    WEFT_CO_TRY(const auto reference, store_.secret_reference(name));
    auto value = co_await get(reference, context);
    if (!value && value.error().code() == Errc::cancelled) co_return value.error();
    if (!value) co_return at_reference(reference, wanted.workload, value.error());
    secrets.insert_or_assign(reference.name, *std::move(value));
  }
  co_return secrets;
}

async::Task<wire::SecretValue> SecretsClient::get(wire::SecretReference reference, wire::SecretContext context) {
  const bool was_known = keys_.contains(reference.backend);
  WEFT_CO_TRY(const auto key, co_await key_of(reference.backend));
  auto value = co_await get_with(key, reference, context);
  if (value || !was_known || !is_about_keys(value.error())) co_return value;
  // It may have been restarted, with another key.
  keys_.erase(reference.backend);
  WEFT_CO_TRY(const auto new_key, co_await key_of(reference.backend));
  co_return co_await get_with(new_key, reference, context);
}

async::Task<wire::PublicKey> SecretsClient::key_of(std::string backend) {
  if (const auto known = keys_.find(backend); known != keys_.end()) co_return known->second;
  WEFT_CO_TRY(const auto answer,
              co_await bus_.request({.subject = secrets_subject(topic_, backend, wire::SecretsSubject::server_key),
                                     .reply = {},
                                     .headers = {},
                                     .payload = {}},
                                    kTimeout));
  WEFT_CO_TRY(const auto key, wire::parse_public_key(answer.payload, wire::KeyKind::curve));
  keys_.insert_or_assign(std::move(backend), key);
  co_return key;
}

async::Task<wire::SecretValue> SecretsClient::get_with(wire::PublicKey backend_key, wire::SecretReference reference,
                                                       wire::SecretContext context) {
  const auto own = wire::KeyPair::from_entropy(wire::KeyKind::curve, random_());
  const auto nonce = random_();
  WEFT_CO_TRY(auto sealed, wire::seal(wire::secret_request(reference, context), own, backend_key,
                                      std::span(nonce).first<wire::kNonceBytes>()));
  WEFT_CO_TRY(
      const auto answer,
      co_await bus_.request({.subject = secrets_subject(topic_, reference.backend, wire::SecretsSubject::get),
                             .reply = {},
                             .headers = {{.name = std::string(wire::kRequestKeyHeader), .value = own.public_text()}},
                             .payload = std::move(sealed)},
                            kTimeout));
  const auto response_key = answer.header(wire::kResponseKeyHeader);
  if (response_key.empty()) {
    // Only errors come unsealed.
    const auto error = wire::decode_secret_response(answer.payload);
    co_return error ? Error(Errc::refused, "it answered with a secret that is not sealed") : error.error();
  }
  WEFT_CO_TRY(const auto sender, wire::parse_public_key(response_key, wire::KeyKind::curve));
  WEFT_CO_TRY(const auto text, wire::open_sealed(answer.payload, own, sender));
  co_return wire::decode_secret_response(text);
}

}  // namespace weft::lattice
