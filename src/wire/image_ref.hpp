// SPDX-License-Identifier: Apache-2.0
/// Where a component or a provider comes from, as written by people: a file, an image in a registry, a built-in.
///
/// Only takes references apart; fetches nothing and looks at no file.
/// Threads: plain values and pure functions. Errors: invalid_argument (blame: operator), unsupported for a scheme that
/// is none of ours. Limits: kMaxImageRefBytes.
/// Source: control-plane facts 7.1, 7.2, 7.4, 12.1, Q11; OCI distribution specification 1.1, "pulling manifests".
/// Deviations, all additive: a path that begins with `/`, `./` or `../` is a file too, since no image is named so; tags
/// keep their case; a reference without tag and digest is `latest` in every respect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::wire {

inline constexpr std::size_t kMaxImageRefBytes = 4096;

enum class ImageKind : std::uint8_t { file, oci, builtin };

struct ImageRef {
  ImageKind kind = ImageKind::oci;
  /// As given: what component inventories, events and specifications show.
  std::string text;
  /// Without scheme: what provider inventories and events show. A file's path, an image's name, a built-in's name.
  std::string stripped;

  bool operator==(const ImageRef&) const = default;
};

Result<ImageRef> parse_image_ref(std::string_view text);

/// The `image_ref` that `wash start` waits for in events after it sent `text`: only a leading file:// is left out.
std::string_view without_file_scheme(std::string_view text) noexcept;

/// An image in a registry, in full.
struct OciRef {
  std::string registry;    ///< "registry.example.net:5000"; "docker.io" where none was written
  std::string repository;  ///< "shop/cart"
  std::string tag;         ///< "latest" where neither tag nor digest was written; empty: digest alone
  std::string digest;      ///< "sha256:..."; wins over the tag; empty: none

  /// "registry/repository:tag@digest".
  [[nodiscard]] std::string text() const;
  /// Whom to ask: the host that serves docker.io has another name.
  [[nodiscard]] std::string_view api_host() const noexcept;
  /// What manifests are asked for by: the digest, else the tag.
  [[nodiscard]] const std::string& reference() const noexcept { return digest.empty() ? tag : digest; }
  /// Whether it means whatever is newest, which a host may forbid.
  [[nodiscard]] bool is_latest() const noexcept { return digest.empty() && tag == "latest"; }

  bool operator==(const OciRef&) const = default;
};

/// `stripped`: of a reference of the kind oci.
Result<OciRef> parse_oci_ref(std::string_view stripped);

}  // namespace weft::wire
