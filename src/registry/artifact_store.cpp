// SPDX-License-Identifier: Apache-2.0
#include "registry/artifact_store.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "wire/image_ref.hpp"
#include "wire/json.hpp"

namespace weft::registry {
namespace {

constexpr mode_t kFileMode = 0400;

std::string_view name_of(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::component:
      return "component";
    case ArtifactKind::provider:
      return "provider";
    case ArtifactKind::any:
      break;
  }
  return "any";
}

/// The note of a manifest: which content it leads to.
struct ImageNote {
  std::string content;
  std::string kind;
};

std::string note_name(std::string_view digest) {
  return "image-" + std::string(digest.substr(std::string_view("sha256:").size()));
}

std::string encode_note(const ImageNote& note) {
  return wire::json_text(boost::json::object{{"content", note.content}, {"kind", note.kind}});
}

std::optional<ImageNote> decode_note(std::string_view text) {
  const auto object = wire::parse_json_object(text, "note");
  if (!object) return std::nullopt;
  ImageNote note;
  wire::MemberReader members(*object);
  members.required("content", note.content).required("kind", note.kind);
  return members.fault().empty() ? std::optional(std::move(note)) : std::nullopt;
}

Error about(const std::string& reference, const Error& error) {
  return {error.code(), fmt::format("cannot fetch {}: {}", reference, error.message()), error.hint(), error.blame()};
}

}  // namespace

ArtifactStore::ArtifactStore(ArtifactStoreConfig config, std::unique_ptr<RegistryTable> registries)
    : config_(std::move(config)), registries_(std::move(registries)) {}

Result<std::unique_ptr<ArtifactStore>> ArtifactStore::open(ArtifactStoreConfig config) {
  WEFT_CHECK(check_policy(config.policy));
  WEFT_TRY(auto registries, RegistryTable::create(std::move(config.access)));
  config.access = {};
  return std::unique_ptr<ArtifactStore>(new ArtifactStore(std::move(config), std::move(registries)));
}

Result<ContentCache> ArtifactStore::cache() {
  const std::lock_guard lock(mutex_);
  if (!cache_) {
    WEFT_TRY(auto opened, ContentCache::open(config_.folder, config_.max_cache_bytes));
    cache_.emplace(std::move(opened));
  }
  return *cache_;
}

Result<Artifact> ArtifactStore::fetch(const std::string& reference, ArtifactKind kind) {
  WEFT_TRY(const auto ref, wire::parse_image_ref(reference));
  switch (ref.kind) {
    case wire::ImageKind::file:
      return local_file(ref);
    case wire::ImageKind::oci: {
      auto artifact = fetch_image(ref, kind);
      if (!artifact) return about(reference, artifact.error());
      return artifact;
    }
    case wire::ImageKind::builtin:
      break;
  }
  return Error(Errc::invalid_argument, fmt::format("{} is inside of the host and nothing to fetch", reference), {},
               Blame::operator_);
}

Result<Artifact> ArtifactStore::local_file(const wire::ImageRef& ref) const {
  if (!config_.allow_file_load) {
    return Error(Errc::permission_denied,
                 fmt::format("{} is a file, and this host starts nothing from files", ref.text),
                 "start the host with --allow-file-load", Blame::operator_);
  }
  WEFT_TRY(const auto file, open_regular_file(ref.stripped, config_.max_artifact_bytes));
  Artifact artifact;
  artifact.path = ref.stripped;
  return artifact;
}

Result<Artifact> ArtifactStore::fetch_image(const wire::ImageRef& ref, ArtifactKind kind) {
  WEFT_TRY(const auto image, wire::parse_oci_ref(ref.stripped));
  if (image.is_latest() && !config_.allow_latest) {
    return Error(Errc::permission_denied, "the tag latest is not allowed on this host",
                 "name a version, or start the host with --allow-latest", Blame::operator_);
  }
  if (!image.digest.empty() && !is_sha256_digest(image.digest)) {
    return Error(Errc::unsupported, "only digests of SHA-256 are known", {}, Blame::operator_);
  }
  WEFT_TRY(auto cache, this->cache());
  if (!image.digest.empty()) {
    WEFT_TRY(auto found, find_image(cache, image.digest, kind));
    if (found) return *std::move(found);
  }
  WEFT_TRY(auto client, OciClient::create(std::string(image.api_host()), image.repository,
                                          registries_->settings_for(image, stop_.get_token())));
  WEFT_TRY(const auto resolved, resolve_image(client, image.reference(), kind, config_.max_artifact_bytes));
  // Whoever comes second waits here and finds it then.
  WEFT_TRY(const auto lock, cache.lock(resolved.digest, stop_.get_token()));
  WEFT_TRY(auto found, find_image(cache, resolved.digest, kind));
  if (found) return *std::move(found);
  return download(cache, client, resolved);
}

Result<std::optional<Artifact>> ArtifactStore::find_image(ContentCache& cache, const std::string& digest,
                                                          ArtifactKind kind) {
  const auto text = cache.find_note(note_name(digest));
  const auto note = text ? decode_note(*text) : std::nullopt;
  if (!note || (kind != ArtifactKind::any && note->kind != name_of(kind))) return std::optional<Artifact>();
  WEFT_TRY(auto content, cache.find(note->content));
  if (!content) return std::optional<Artifact>();
  Artifact artifact;
  artifact.path = content->path();
  artifact.digest = content->digest();
  artifact.image_digest = digest;
  artifact.kind = note->kind == name_of(ArtifactKind::provider) ? ArtifactKind::provider : ArtifactKind::component;
  artifact.content = std::move(content);
  return std::optional(std::move(artifact));
}

Result<Artifact> ArtifactStore::download(ContentCache& cache, OciClient& client, const ResolvedImage& image) {
  WEFT_TRY(auto file, cache.begin());
  const ImageSink sink{.rewind = [&file](std::uint64_t size) { return file.rewind(size); },
                       .take = [&file](std::string_view bytes) { return file.write(bytes); }};
  WEFT_CHECK(registry::fetch_image(client, image, sink));
  // A layer has been checked; several together have no digest anybody knows.
  auto digest = image.layers.front().digest;
  if (image.layers.size() > 1) {
    WEFT_TRY(digest, file.digest());
  }
  WEFT_TRY(auto content, cache.keep(std::move(file), digest, kFileMode));
  WEFT_CHECK(cache.put_note(note_name(image.digest), encode_note({digest, std::string(name_of(image.kind))})));
  Artifact artifact;
  artifact.path = content.path();
  artifact.digest = digest;
  artifact.image_digest = image.digest;
  artifact.kind = image.kind;
  artifact.content = std::move(content);
  return artifact;
}

std::string default_cache_folder() {
  const auto absolute = [](const char* name) -> std::string {
    const char* const value = ::secure_getenv(name);
    return value != nullptr && *value == '/' ? value : "";
  };
  if (::geteuid() == 0) return "/var/cache/weft/artifacts";
  if (const auto base = absolute("XDG_CACHE_HOME"); !base.empty()) return base + "/weft/artifacts";
  if (const auto home = absolute("HOME"); !home.empty()) return home + "/.cache/weft/artifacts";
  std::error_code failed;
  const auto temporary = std::filesystem::temp_directory_path(failed);
  return fmt::format("{}/weft-artifacts-{}", failed ? "/tmp" : temporary.string(), ::geteuid());
}

}  // namespace weft::registry
