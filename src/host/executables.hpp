// SPDX-License-Identifier: Apache-2.0
/// The one place where a reference becomes an executable of this machine: a provider archive (a file, or an image of a
/// registry), or a bare program, ends as a file in a folder that is private to this host, under the provider's id. The
/// file of a reference may be replaced while its provider runs, and two providers may be of one archive.
///
/// Ownership: of the folder's content; a temporary folder is made where the host keeps nothing, and goes with it.
/// Borrows the store. Threads: any that may block; several calls at a time for different providers. Errors:
/// permission_denied (a file, or an issuer, that is not allowed), malformed (neither archive nor program), and those of
/// ArtifactStore and ProviderArchive. Source: data-plane facts 4.1; live-host C4.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <weft/result.hpp>

#include "registry/artifact_store.hpp"
#include "wire/claims.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {

struct Executable {
  std::string path;
  std::optional<wire::ProviderClaims> claims;  ///< of an archive
};

class Executables {
 public:
  /// `folder`: made when it is needed; empty: a temporary one.
  Executables(std::string folder, registry::ArtifactStore& store) : folder_(std::move(folder)), store_(store) {}
  ~Executables();
  Executables(const Executables&) = delete;
  Executables& operator=(const Executables&) = delete;

  Result<Executable> provide(const wire::ImageRef& ref, const std::string& provider_id);
  /// The provider is no more.
  void remove(const std::string& provider_id) noexcept;
  /// Whatever an earlier run of this host has left.
  void clear() noexcept;

 private:
  Result<std::string> folder();

  std::mutex mutex_;    ///< of folder_, which the first call may make
  std::string folder_;  ///< empty: not made yet
  registry::ArtifactStore& store_;
  bool temporary_ = false;
};

}  // namespace weft::host
