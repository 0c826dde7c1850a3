// SPDX-License-Identifier: Apache-2.0
#include "host/lattice_services.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "host/entropy.hpp"
#include "lattice/config_service.hpp"
#include "wire/control_subject.hpp"
#include "wire/jwt.hpp"

namespace weft::host {

Result<std::shared_ptr<lattice::PolicyClient>> make_policy(ServiceAccess access, std::function<std::string()> new_id) {
  const auto& policy = access.config.policy;
  if (policy.topic.empty()) {
    if (policy.changes_topic.empty()) return nullptr;
    return Error(Errc::invalid_argument, "a subject for changes of policy is of no use without one for questions",
                 "name that too: --policy-topic", Blame::operator_);
  }
  WEFT_CHECK(wire::check_topic("--policy-topic", policy.topic));
  if (!policy.changes_topic.empty()) WEFT_CHECK(bus::check_pattern(policy.changes_topic));
  const auto& identity = access.identity;
  return std::make_shared<lattice::PolicyClient>(
      access.bus, access.control, policy,
      wire::PolicyHost{.public_key = identity.id(), .lattice = access.config.lattice, .labels = identity.labels()},
      std::move(new_id), access.log);
}

Result<std::unique_ptr<lattice::SecretsClient>> make_secrets(ServiceAccess access, const lattice::LatticeStore& store,
                                                             const std::string& token_id) {
  const auto& topic = access.config.secrets_topic;
  if (!topic.empty()) WEFT_CHECK(wire::check_topic("--secrets-topic", topic));
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  WEFT_TRY(auto token, wire::sign_host_token({.token_id = token_id,
                                              .issued_at = now.time_since_epoch().count(),
                                              .host_id = access.identity.id(),
                                              .friendly_name = access.identity.friendly_name()},
                                             wire::KeyPair::from_entropy(wire::KeyKind::account, entropy<32>())));
  return std::make_unique<lattice::SecretsClient>(access.bus, store, topic, std::move(token),
                                                  [] { return entropy<32>(); });
}

async::Task<void> take_logins(ServiceAccess access, registry::ArtifactStore* artifacts) {
  if (!access.config.config_service) co_return Result<void>();
  const auto logins =
      co_await lattice::ask_config_service(&access.bus, access.config.lattice, access.identity.labels());
  if (logins) {
    artifacts->put_credentials(*logins);
  } else {
    access.log(LogLevel::warning, "",
               fmt::format("no logins from the lattice's config service: {}", logins.error().to_string()));
  }
  co_return Result<void>();
}

}  // namespace weft::host
