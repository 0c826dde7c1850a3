// SPDX-License-Identifier: Apache-2.0
/// What a host asks a policy service before it starts or calls something, and what the service answers.
///
/// Threads: plain values and pure functions. Errors: malformed (blame: peer). Limits: those of json.hpp.
/// Source: control-plane facts 8; wasmCloud 1.9.2 crates/host/src/policy.rs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "wire/claims.hpp"
#include "wire/control.hpp"

namespace weft::wire {

enum class PolicyKind : std::uint8_t { start_component, start_provider, perform_invocation };

struct PolicyClaims {
  std::string public_key;
  std::string issuer;
  std::int64_t issued_at = 0;           ///< epoch seconds; text on the wire
  std::optional<std::int64_t> expires;  ///< epoch seconds
  bool expired = false;                 ///< when it was asked

  bool operator==(const PolicyClaims&) const = default;
};

PolicyClaims policy_claims(const ComponentClaims& claims, std::chrono::system_clock::time_point now);
PolicyClaims policy_claims(const ProviderClaims& claims, std::chrono::system_clock::time_point now);

/// May this be started, or called?
struct PolicyQuestion {
  PolicyKind kind = PolicyKind::start_component;
  std::string id;               ///< of the component or provider
  std::string image_ref;        ///< a component's as it was named, a provider's without its scheme
  std::uint32_t instances = 0;  ///< of a component that is started
  StringMap annotations;
  std::optional<PolicyClaims> claims;  ///< nothing: it is not signed
  std::string interface{};             ///< that is called, with its version
  std::string function{};

  bool operator==(const PolicyQuestion&) const = default;
};

/// The host that asks.
struct PolicyHost {
  std::string public_key;
  std::string lattice;
  StringMap labels;
};

/// Questions with the same key are the same question: a decision is kept under it.
std::string policy_key(const PolicyQuestion& question);
std::string encode(const PolicyQuestion& question, std::string_view request_id, const PolicyHost& host);

/// An answer, and what is said unasked when a decision changes.
struct PolicyDecision {
  std::string request_id;
  bool permitted = false;
  std::optional<std::string> message;

  bool operator==(const PolicyDecision&) const = default;
};

std::string encode(const PolicyDecision& decision);
Result<PolicyDecision> decode_policy_decision(std::string_view json);

}  // namespace weft::wire
