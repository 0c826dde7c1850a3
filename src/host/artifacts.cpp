// SPDX-License-Identifier: Apache-2.0
#include "host/artifacts.hpp"

#include <utility>

namespace weft::host {
namespace {

std::string cache_folder(const LatticeConfig& config) {
  if (!config.artifacts.cache_dir.empty()) return config.artifacts.cache_dir;
  return config.data_dir.empty() ? registry::default_cache_folder() : config.data_dir + "/artifacts";
}

}  // namespace

Result<std::unique_ptr<registry::ArtifactStore>> open_artifacts(const LatticeConfig& config) {
  const auto& artifacts = config.artifacts;
  registry::ArtifactStoreConfig store;
  store.folder = cache_folder(config);
  store.max_cache_bytes = artifacts.cache_bytes;
  store.allow_file_load = config.allow_file_load;
  store.allow_latest = artifacts.allow_latest;
  store.policy = {.require_signed = artifacts.require_signed, .allowed_issuers = artifacts.allowed_issuers};
  store.access.docker_config = artifacts.docker_config;
  store.access.insecure = artifacts.insecure_registries;
  store.access.ca_files = artifacts.ca_files;
  for (const auto& login : artifacts.logins) {
    store.access.logins.insert_or_assign(login.registry, registry::BasicCredentials{login.user, login.password});
  }
  return registry::ArtifactStore::open(std::move(store));
}

}  // namespace weft::host
