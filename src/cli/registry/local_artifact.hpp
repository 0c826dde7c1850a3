// SPDX-License-Identifier: Apache-2.0
/// What commands look at: a file, or an image that is fetched first. A text that names a file is a file.
/// Ownership: the file stays as long as its LocalArtifact. Threads: blocks. Errors: those of ArtifactStore.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "registry/artifact_store.hpp"

#include <optional>
#include <string>

namespace weft::cli {

struct LocalArtifact {
  std::string path;
  bool is_provider = false;
  std::optional<registry::Artifact> image;  ///< nothing for a file
};

/// With the options of registry_options(), and --digest, which the image must then have.
Result<LocalArtifact> local_artifact(const std::string& text, const Arguments& arguments, const Context& context);
/// An image alone.
Result<LocalArtifact> pulled_artifact(const std::string& reference, const Arguments& arguments, const Context& context);
/// Whether local_artifact() would fetch it.
bool names_image(const std::string& text);
/// Whether the file begins as a tar or gzip file does: a provider archive, if anything of ours.
Result<bool> is_archive_file(const std::string& path);

}  // namespace weft::cli
