// SPDX-License-Identifier: Apache-2.0
#include "cli/registry/claims_text.hpp"

#include "cli/json_text.hpp"
#include "cli/lattice/table.hpp"
#include "cli/utf8.hpp"
#include "wire/time_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace weft::cli {
namespace {

std::string line(std::string_view title, std::string_view value) {
  return fmt::format("{:<12}{}\n", title, value.empty() ? "none" : printable(value));
}

/// Seconds since 1970 as RFC 3339, where that is a year people know.
std::string moment_text(std::int64_t stamp) {
  constexpr std::int64_t latest = 9'000'000'000;
  if (stamp < 0 || stamp > latest) return fmt::format("{} seconds after 1970", stamp);
  auto text = wire::time_text(std::chrono::system_clock::time_point(std::chrono::seconds(stamp)));
  return text.substr(0, text.find('.')) + "Z";
}

template <class T>
std::string dates_text(const T& claims) {
  return line("expires", claims.expires ? moment_text(*claims.expires) : "never") +
         line("not before", claims.not_before ? moment_text(*claims.not_before) : "any time");
}

std::string version_text(const std::string& version, std::int32_t revision) {
  return fmt::format("{} (revision {})", version.empty() ? "none" : version, revision);
}

std::string valid_text(const Result<void>& valid) {
  return line("valid", valid ? std::string("yes") : "no: " + valid.error().message());
}

template <class T>
void add_dates(JsonObject& object, const T& claims) {
  if (claims.expires) object.raw("expires", std::to_string(*claims.expires));
  if (claims.not_before) object.raw("not_before", std::to_string(*claims.not_before));
}

void add_validity(JsonObject& object, const Result<void>& valid) {
  object.boolean("valid", valid.has_value());
  if (!valid) object.text("fault", valid.error().message());
}

}  // namespace

std::string claims_text(const wire::ComponentClaims& claims, const Result<void>& valid) {
  return line("name", claims.name) + line("component", claims.subject) + line("issuer", claims.issuer) +
         line("version", version_text(claims.version, claims.revision)) +
         line("call alias", claims.call_alias.value_or("")) + line("tags", list_text(claims.tags)) +
         dates_text(claims) + valid_text(valid);
}

std::string claims_json(const wire::ComponentClaims& claims, const Result<void>& valid) {
  JsonObject object;
  object.text("name", claims.name).text("component", claims.subject).text("issuer", claims.issuer);
  object.text("version", claims.version).raw("revision", std::to_string(claims.revision));
  if (claims.call_alias) object.text("call_alias", *claims.call_alias);
  object.texts("tags", claims.tags);
  add_dates(object, claims);
  add_validity(object, valid);
  return object.str();
}

std::string archive_text(const registry::ProviderArchive& archive, const Result<void>& valid) {
  const auto& claims = archive.claims();
  auto text = line("name", claims.name) + line("provider", claims.subject) + line("vendor", claims.vendor) +
              line("issuer", claims.issuer) + line("version", version_text(claims.version, claims.revision)) +
              dates_text(claims);
  for (const auto& target : archive.targets()) {
    text += line("runs on", fmt::format("{} ({} bytes)", target.name, target.size));
  }
  text += line("world.wasm", archive.world().empty() ? "" : fmt::format("{} bytes", archive.world().size()));
  text += line("schema", claims.config_schema.value_or(""));
  return text + valid_text(valid);
}

std::string archive_json(const registry::ProviderArchive& archive, const Result<void>& valid) {
  const auto& claims = archive.claims();
  JsonObject object;
  object.text("name", claims.name).text("provider", claims.subject).text("vendor", claims.vendor);
  object.text("issuer", claims.issuer).text("version", claims.version).raw("revision", std::to_string(claims.revision));
  object.raw("targets", json_array(archive.targets(), [](const registry::ParTarget& target) {
               return JsonObject()
                   .text("name", target.name)
                   .number("size_bytes", target.size)
                   .text("sha256", target.hash)
                   .str();
             }));
  object.boolean("world", !archive.world().empty());
  if (claims.config_schema) object.raw("schema", *claims.config_schema);
  add_dates(object, claims);
  add_validity(object, valid);
  return object.str();
}

}  // namespace weft::cli
