// SPDX-License-Identifier: Apache-2.0
#include "cli/registry/claims_token.hpp"

#include "cli/context.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/registry/claims_options.hpp"
#include "cli/registry/keyring.hpp"
#include "wire/claims_tokens.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

namespace weft::cli {
namespace {

constexpr std::array kKind =
    std::to_array<PositionalSpec>({{.name = "KIND", .help = "operator, account, component or provider"}});
constexpr std::array kToken = std::to_array<OptionSpec>({
    {.name = "name",
     .value = "TEXT",
     .help = "a name for people; keys that are made are named after it",
     .letter = 'n'},
    {.name = "additional-key",
     .value = "KEY",
     .help = "a public key that may sign for it too (operator, account)",
     .repeat = Repeat::many},
    {.name = "tag", .value = "TEXT", .help = "any word (component)", .letter = 't', .repeat = Repeat::many},
    {.name = "rev", .value = "N", .help = "revision (component, provider)", .fallback = "0", .letter = 'r'},
    {.name = "ver", .value = "TEXT", .help = "version (component, provider)", .letter = 'v'},
    {.name = "call-alias", .value = "TEXT", .help = "another name to call it by (component)"},
    {.name = "vendor", .value = "TEXT", .help = "who makes it (provider)"},
    {.name = "expires", .value = "DAYS", .help = "it holds that long", .fallback = "for ever", .letter = 'x'},
    {.name = "nbf", .value = "DAYS", .help = "it holds only after that time", .fallback = "0", .letter = 'b'},
});

/// Options that only some kinds have.
struct OfKinds {
  std::string_view option;
  std::array<wire::KeyKind, 2> kinds;
};
constexpr std::array kOfKinds = std::to_array<OfKinds>({
    {"additional-key", {wire::KeyKind::operator_, wire::KeyKind::account}},
    {"tag", {wire::KeyKind::module_, wire::KeyKind::module_}},
    {"rev", {wire::KeyKind::module_, wire::KeyKind::service}},
    {"ver", {wire::KeyKind::module_, wire::KeyKind::service}},
    {"call-alias", {wire::KeyKind::module_, wire::KeyKind::module_}},
    {"vendor", {wire::KeyKind::service, wire::KeyKind::service}},
});

Result<wire::KeyKind> read_kind(const Arguments& arguments) {
  const auto text = arguments.positional("KIND");
  const auto kind = parse_key_kind(text);
  if (!kind || (*kind != wire::KeyKind::operator_ && *kind != wire::KeyKind::account &&
                *kind != wire::KeyKind::module_ && *kind != wire::KeyKind::service)) {
    return Error(Errc::invalid_argument, fmt::format("There are no tokens of the kind '{}'.", text),
                 "Name one of: operator, account, component, provider.", Blame::operator_);
  }
  for (const auto& [option, kinds] : kOfKinds) {
    if (arguments.flag(option) && *kind != kinds[0] && *kind != kinds[1]) {
      return Error(Errc::invalid_argument, fmt::format("'--{}' says nothing of the kind '{}'.", option, text),
                   "Leave it out.", Blame::operator_);
    }
  }
  return *kind;
}

/// The keys and the token.
struct Signed {
  std::string issuer;
  std::string subject;
  std::string token;
};

Result<Signed> sign_signer(const Arguments& arguments, const Context& context, const Keyring& keyring,
                           const std::string& name, wire::KeyKind kind) {
  wire::SignerClaims claims;
  claims.name = name;
  for (const auto& key : arguments.values("additional-key")) {
    WEFT_CHECK(wire::parse_public_key(key));
    claims.valid_signers.push_back(key);
  }
  WEFT_TRY(claims.expires, days_from_now(arguments, "expires", context));
  WEFT_TRY(claims.not_before, days_from_now(arguments, "nbf", context));
  // An operator speaks for itself.
  WEFT_TRY(const auto issuer, keyring.issuer(name + "_operator", wire::KeyKind::operator_));
  claims.subject = issuer.public_text();
  if (kind == wire::KeyKind::account) {
    WEFT_TRY(const auto account, keyring.subject(name, kind));
    claims.subject = account.public_text();
  }
  WEFT_TRY(auto token, wire::sign_signer_claims(claims, new_stamp(context), issuer));
  return Signed{.issuer = issuer.public_text(), .subject = std::move(claims.subject), .token = std::move(token)};
}

Result<Signed> sign_workload(const Arguments& arguments, const Context& context, const Keyring& keyring,
                             const std::string& name, wire::KeyKind kind) {
  WEFT_TRY(const auto issuer, keyring.issuer());
  WEFT_TRY(const auto subject, keyring.subject(name, kind));
  WEFT_TRY(auto claims, component_claims(arguments, context, name));
  claims.subject = subject.public_text();
  Signed result{.issuer = issuer.public_text(), .subject = subject.public_text(), .token = {}};
  if (kind == wire::KeyKind::module_) {
    WEFT_TRY(result.token, wire::sign_component_claims(claims, new_stamp(context), issuer));
    return result;
  }
  const wire::ProviderClaims provider{.jwt = {},
                                      .subject = claims.subject,
                                      .issuer = {},
                                      .name = claims.name,
                                      .vendor = arguments.value("vendor").value_or(""),
                                      .version = claims.version,
                                      .revision = claims.revision,
                                      .config_schema = {},
                                      .target_hashes = {},
                                      .not_before = claims.not_before,
                                      .expires = claims.expires};
  WEFT_TRY(result.token, wire::sign_provider_claims(provider, new_stamp(context), issuer));
  return result;
}

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto kind, read_kind(arguments));
  const auto name = arguments.value("name").value_or("");
  if (name.empty()) {
    return Error(Errc::invalid_argument, "The token has no name.", "Give it one with '--name'.", Blame::operator_);
  }
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  const bool is_workload = kind == wire::KeyKind::module_ || kind == wire::KeyKind::service;
  WEFT_TRY(const auto made, is_workload ? sign_workload(arguments, context, keyring, name, kind)
                                        : sign_signer(arguments, context, keyring, name, kind));
  context.console.out(
      context.output == OutputFormat::json
          ? JsonObject().text("token", made.token).text("subject", made.subject).text("issuer", made.issuer).str() +
                "\n"
          : made.token + "\n");
  return kExitSuccess;
}

}  // namespace

const CommandSpec& claims_token_command() noexcept {
  static const CommandSpec spec{
      .name = "claims token",
      .summary = "print signed claims of an operator, account, component or provider",
      .positionals = kKind,
      .groups = {OptionGroup{"Claims", kToken}, OptionGroup{"Keys", signing_options()}},
      .notes = "Keys that are missing are made and kept. Operators sign operators and accounts, accounts the rest.",
      .examples =
          "weft claims token account --name shop\n"
          "weft claims token component --name cart --rev 3 --ver 1.4.0 --expires 30",
      .run = run};
  return spec;
}

}  // namespace weft::cli
