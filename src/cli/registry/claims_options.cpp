// SPDX-License-Identifier: Apache-2.0
#include "cli/registry/claims_options.hpp"

#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>

namespace weft::cli {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

}  // namespace

Result<std::optional<std::int64_t>> days_from_now(const Arguments& arguments, std::string_view option,
                                                  const Context& context) {
  const auto text = arguments.value(option);
  if (!text) return std::optional<std::int64_t>();
  const auto days = parse_whole(*text, 1'000'000);
  if (!days) {
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is no number of days.", option, *text),
                 "Write a whole number.", Blame::operator_);
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(context.now()).time_since_epoch().count();
  return std::optional(now + static_cast<std::int64_t>(*days) * kSecondsPerDay);
}

Result<std::int32_t> read_revision(const Arguments& arguments) {
  const auto revision = parse_whole(arguments.value("rev").value_or("0"), std::numeric_limits<std::int32_t>::max());
  if (revision) return static_cast<std::int32_t>(*revision);
  return Error(Errc::invalid_argument, "'--rev' is not a number that fits.", "Write a whole number.", Blame::operator_);
}

Result<wire::ComponentClaims> component_claims(const Arguments& arguments, const Context& context, std::string name) {
  wire::ComponentClaims claims;
  claims.name = arguments.value("name").value_or(std::move(name));
  claims.tags = arguments.values("tag");
  claims.version = arguments.value("ver").value_or("");
  claims.call_alias = arguments.value("call-alias");
  WEFT_TRY(claims.revision, read_revision(arguments));
  WEFT_TRY(claims.expires, days_from_now(arguments, "expires", context));
  WEFT_TRY(claims.not_before, days_from_now(arguments, "nbf", context));
  return claims;
}

}  // namespace weft::cli
