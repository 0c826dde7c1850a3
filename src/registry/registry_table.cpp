// SPDX-License-Identifier: Apache-2.0
#include "registry/registry_table.hpp"

#include <fmt/format.h>

#include <utility>

#include "registry/file.hpp"

namespace weft::registry {
namespace {

constexpr std::uint64_t kMaxRootsBytes = std::uint64_t{4} * 1024 * 1024;
constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----";

Result<std::string> read_roots(const std::vector<std::string>& files) {
  std::string roots;
  for (const auto& file : files) {
    WEFT_TRY(const auto text, read_file(file, kMaxRootsBytes));
    if (!text.contains(kCertificate)) {
      return Error(Errc::malformed, fmt::format("'{}' holds no certificate", file), "name a PEM file with certificates",
                   Blame::operator_);
    }
    roots += text;
    roots += '\n';
  }
  return roots;
}

std::set<std::string> normalised(const std::vector<std::string>& registries) {
  std::set<std::string> names;
  for (const auto& registry : registries) names.insert(registry_of_login(registry));
  return names;
}

}  // namespace

RegistryTable::RegistryTable(RegistryAccess access, std::string roots)
    : access_(std::move(access)), roots_(std::move(roots)), insecure_(normalised(access_.insecure)) {}

Result<std::unique_ptr<RegistryTable>> RegistryTable::create(RegistryAccess access) {
  WEFT_TRY(auto roots, read_roots(access.ca_files));
  RegistryLogins logins;
  if (!access.docker_config.empty()) {
    WEFT_TRY(logins, read_docker_config(access.docker_config));
  }
  for (auto& [registry, credentials] : access.logins) {
    logins.insert_or_assign(registry_of_login(registry), std::move(credentials));
  }
  access.logins.clear();
  std::unique_ptr<RegistryTable> table(new RegistryTable(std::move(access), std::move(roots)));
  table->logins_ = std::move(logins);
  return table;
}

void RegistryTable::put(const wire::RegistryCredentials& credentials) {
  const std::lock_guard lock(mutex_);
  for (const auto& [registry, credential] : credentials) {
    logins_.insert_or_assign(registry_of_login(registry), credentials_of(credential));
  }
}

OciSettings RegistryTable::settings_for(const wire::OciRef& image, std::stop_token stop) const {
  OciSettings settings;
  settings.patience = access_.patience;
  settings.http.scheme = insecure_.contains(image.registry) ? Scheme::http : Scheme::https;
  settings.http.certificates = access_.certificates;
  settings.http.extra_roots = roots_;
  settings.http.stop = std::move(stop);
  const std::lock_guard lock(mutex_);
  if (const auto found = logins_.find(image.registry); found != logins_.end()) settings.credentials = found->second;
  return settings;
}

}  // namespace weft::registry
