// SPDX-License-Identifier: Apache-2.0
/// From a reference to a local file: what a host uses to get its components and providers.
///
/// A tag is looked up in its registry each time, and what it means is fetched only if it is not in the cache; a digest
/// that is in the cache needs no registry. Files of this machine are used where they are, if that is allowed. Does not
/// look into what it fetches.
///
/// Ownership: an Artifact keeps the file that it names from being removed; hold it for as long as that is needed.
/// Threads: any; fetch() blocks, so run it on a pool. stop() makes it return soon.
/// Errors: invalid_argument, permission_denied (file:// or latest not allowed, credentials, hashes, claims, policy),
/// not_found, unavailable, deadline_exceeded, malformed, unsupported, resource_exhausted, cancelled, io.
/// Source: control-plane facts 7.1 to 7.6. Deviations: hashes in place of names in the cache, which is of no use to
/// `wash drain`; a pinned digest needs no registry.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <weft/result.hpp>

#include "registry/claims_policy.hpp"
#include "registry/content_cache.hpp"
#include "registry/oci_image.hpp"
#include "registry/registry_table.hpp"

namespace weft::registry {

struct ArtifactStoreConfig {
  std::string folder;
  std::uint64_t max_cache_bytes = std::uint64_t{4} * 1024 * 1024 * 1024;
  std::uint64_t max_artifact_bytes = std::uint64_t{1} * 1024 * 1024 * 1024;
  bool allow_file_load = false;
  bool allow_latest = false;
  RegistryAccess access;
  ClaimsPolicy policy;
};

struct Artifact {
  std::string path;
  std::string digest;        ///< "sha256:..." of the file; empty for a file of this machine
  std::string image_digest;  ///< of the manifest or index that the reference names; empty for a file
  ArtifactKind kind = ArtifactKind::any;
  std::optional<Content> content;  ///< nothing for a file of this machine
};

class ArtifactStore {
 public:
  /// The cache's folder is made when it is needed first: a host that fetches nothing needs none.
  static Result<std::unique_ptr<ArtifactStore>> open(ArtifactStoreConfig config);

  /// `kind`: component or provider; `any` is for files and images of which nothing is known.
  Result<Artifact> fetch(const std::string& reference, ArtifactKind kind);

  [[nodiscard]] const ClaimsPolicy& policy() const noexcept { return config_.policy; }
  /// What registry.put brings.
  void put_credentials(const wire::RegistryCredentials& credentials) { registries_->put(credentials); }
  /// For good: what waits for registries gives cancelled.
  void stop() { stop_.request_stop(); }

 private:
  ArtifactStore(ArtifactStoreConfig config, std::unique_ptr<RegistryTable> registries);

  Result<ContentCache> cache();

  [[nodiscard]] Result<Artifact> local_file(const wire::ImageRef& ref) const;
  Result<Artifact> fetch_image(const wire::ImageRef& ref, ArtifactKind kind);
  /// What the cache has for a manifest.
  static Result<std::optional<Artifact>> find_image(ContentCache& cache, const std::string& digest, ArtifactKind kind);
  static Result<Artifact> download(ContentCache& cache, OciClient& client, const ResolvedImage& image);

  const ArtifactStoreConfig config_;
  const std::unique_ptr<RegistryTable> registries_;
  std::mutex mutex_;
  std::optional<ContentCache> cache_;  ///< with mutex_
  std::stop_source stop_;
};

/// Where images are kept when nobody says where: of the user, else in the folder for temporary files.
std::string default_cache_folder();

}  // namespace weft::registry
