// SPDX-License-Identifier: Apache-2.0
/// How each registry is reached: credentials, plain HTTP or TLS, whom to trust. Credentials come with the configuration
/// and, while the host runs, from registry.put.
/// Threads: any. Errors: of create(): not_found, malformed for certificate files. No message holds a credential.
/// Source: control-plane facts 3.16, 7.4.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "registry/docker_config.hpp"
#include "registry/oci_client.hpp"
#include "wire/control.hpp"
#include "wire/image_ref.hpp"

namespace weft::registry {

struct RegistryAccess {
  RegistryLogins logins;              ///< go before those of docker_config
  std::string docker_config;          ///< path of a config.json; empty: none
  std::vector<std::string> insecure;  ///< registries that are asked over plain HTTP
  std::vector<std::string> ca_files;  ///< PEM; trusted besides the system's
  Certificates certificates = Certificates::checked;
  OciPatience patience;
};

class RegistryTable {
 public:
  static Result<std::unique_ptr<RegistryTable>> create(RegistryAccess access);

  /// Those of a registry that is known already replace what it had.
  void put(const wire::RegistryCredentials& credentials);
  /// Everything that is needed to ask for this image.
  [[nodiscard]] OciSettings settings_for(const wire::OciRef& image, std::stop_token stop) const;

 private:
  RegistryTable(RegistryAccess access, std::string roots);

  const RegistryAccess access_;
  const std::string roots_;
  const std::set<std::string> insecure_;
  mutable std::mutex mutex_;  ///< held for look-ups alone
  RegistryLogins logins_;
};

}  // namespace weft::registry
