// SPDX-License-Identifier: Apache-2.0
#include "wire/image_ref.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace weft::wire {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kBuiltinScheme = "wasmcloud+builtin://";
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubHost = "index.docker.io";
constexpr std::string_view kLatest = "latest";
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::size_t kMaxNameBytes = 255;

bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_alphanumeric(char c) noexcept { return is_lower_or_digit(c) || is_upper(c); }

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; });
  return lower;
}

Error bad_ref(std::string_view text, std::string_view fault, std::string_view hint) {
  return Error{Errc::invalid_argument, fmt::format("`{}` is not an image reference: {}", text, fault),
               std::string(hint), Blame::operator_};
}

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

/// `%20` becomes a blank; a percent sign that begins no such pair stays.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool has_pair = text[at] == '%' && text.size() - at > 2;
    const auto high = has_pair ? hex_digit(text[at + 1]) : std::nullopt;
    const auto low = has_pair ? hex_digit(text[at + 2]) : std::nullopt;
    if (high && low) {
      decoded += static_cast<char>((*high << 4) | *low);
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

Result<ImageRef> parse_file(std::string_view text, std::string path) {
  if (path.contains('\0')) return bad_ref(text, "a path has no zero byte", "");
  return ImageRef{ImageKind::file, std::string(text), std::move(path)};
}

Result<ImageRef> parse_file_url(std::string_view text) {
  const auto path = text.substr(kFileScheme.size());
  if (!path.starts_with('/')) {
    return bad_ref(text, "file:// is followed by an absolute path", "write file:///path, with three slashes");
  }
  return parse_file(text, percent_decoded(path));
}

Result<ImageRef> parse_builtin(std::string_view text) {
  const auto name = text.substr(kBuiltinScheme.size());
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, fits)) {
    return bad_ref(text, "that is no name of a built-in provider", "for instance wasmcloud+builtin://http-server");
  }
  return ImageRef{ImageKind::builtin, std::string(text), std::string(name)};
}

Result<ImageRef> parse_image(std::string_view text, std::string_view name) {
  WEFT_TRY(const auto checked, parse_oci_ref(name));
  static_cast<void>(checked);
  return ImageRef{ImageKind::oci, std::string(text), std::string(name)};
}

bool is_path(std::string_view text) noexcept {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
}

// The grammar of images.

/// "a", "a.b", "a__b", "a--b".
bool is_repository_segment(std::string_view segment) noexcept {
  if (segment.empty() || !is_lower_or_digit(segment.front()) || !is_lower_or_digit(segment.back())) return false;
  for (std::size_t at = 0; at < segment.size(); ++at) {
    if (is_lower_or_digit(segment[at])) continue;
    const auto end = segment.find_first_not_of(segment[at], at);
    const auto run = end - at;  // the last character is a letter or a digit, so there is an end
    const bool fits = segment[at] == '-' || (segment[at] == '.' && run == 1) || (segment[at] == '_' && run <= 2);
    if (!fits || !is_lower_or_digit(segment[end])) return false;
    at = end;
  }
  return true;
}

bool is_repository(std::string_view repository) noexcept {
  while (true) {
    const auto slash = repository.find('/');
    if (!is_repository_segment(repository.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    repository.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view tag) noexcept {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  return !tag.empty() && tag.size() <= kMaxTagBytes && tag.front() != '.' && tag.front() != '-' &&
         std::ranges::all_of(tag, fits);
}

bool is_digest(std::string_view digest) noexcept {
  struct Algorithm {
    std::string_view prefix;
    std::size_t digits;
  };
  constexpr std::array algorithms = {Algorithm{"sha256:", 64}, Algorithm{"sha384:", 96}, Algorithm{"sha512:", 128}};
  const auto is_hex = [](char c) { return hex_digit(c) && !is_upper(c); };
  return std::ranges::any_of(algorithms, [&](const Algorithm& algorithm) {
    return digest.starts_with(algorithm.prefix) && digest.size() == algorithm.prefix.size() + algorithm.digits &&
           std::ranges::all_of(digest.substr(algorithm.prefix.size()), is_hex);
  });
}

bool is_port(std::string_view port) noexcept {
  return !port.empty() && port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

/// A host name or address, and perhaps a port.
bool is_registry(std::string_view registry) noexcept {
  if (registry.starts_with('[')) {
    const auto end = registry.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    const auto fits = [](char c) { return hex_digit(c) || c == ':' || c == '.'; };
    const auto rest = registry.substr(end + 1);
    return std::ranges::all_of(registry.substr(1, end - 1), fits) &&
           (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
  }
  const auto colon = registry.find(':');
  const auto host = registry.substr(0, colon);
  const auto fits = [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; };
  const bool has_host = !host.empty() && is_lower_or_digit(host.front()) && is_lower_or_digit(host.back()) &&
                        !host.contains("..") && std::ranges::all_of(host, fits);
  return has_host && (colon == std::string_view::npos || is_port(registry.substr(colon + 1)));
}

/// Whether the text before the first slash names a registry and is not a part of the repository.
bool names_registry(std::string_view segment) noexcept {
  return segment.contains('.') || segment.contains(':') || to_lower(segment) == "localhost";
}

/// Cuts what follows the separator at `at` off `text`; nothing: there is none.
std::optional<std::string_view> cut_tail(std::string_view& text, std::size_t at) noexcept {
  if (at == std::string_view::npos) return std::nullopt;
  const auto tail = text.substr(at + 1);
  text = text.substr(0, at);
  return tail;
}

/// Cuts tag and digest off `name` and keeps them.
Result<void> take_tail(std::string_view& name, OciRef& ref) {
  const auto whole = name;
  const auto digest = cut_tail(name, name.find('@'));
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  const bool has_tag = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  const auto tag = has_tag ? cut_tail(name, colon) : std::nullopt;
  if (digest && !is_digest(*digest)) {
    return bad_ref(whole, "its digest is not valid", "for instance sha256: and 64 digits in lower case");
  }
  if (tag && !is_tag(*tag)) return bad_ref(whole, "its tag is not valid", "for instance :1.4.0");
  ref.digest = digest.value_or("");
  ref.tag = tag.value_or(digest ? "" : kLatest);
  return {};
}

}  // namespace

Result<ImageRef> parse_image_ref(std::string_view text) {
  if (text.empty()) return bad_ref(text, "it is empty", "");
  if (text.size() > kMaxImageRefBytes) return bad_ref(text.substr(0, 40), "it is too long", "");
  if (text.starts_with(kFileScheme)) return parse_file_url(text);
  if (text.starts_with(kBuiltinScheme)) return parse_builtin(text);
  if (is_path(text)) return parse_file(text, std::string(text));
  for (const std::string_view scheme : {"oci://", "http://", "https://"}) {
    if (text.starts_with(scheme)) return parse_image(text, text.substr(scheme.size()));
  }
  if (const auto colon = text.find("://"); colon != std::string_view::npos) {
    return Error{Errc::unsupported, fmt::format("images with the scheme `{}` are not known", text.substr(0, colon)),
                 "use file://, oci:// or wasmcloud+builtin://", Blame::operator_};
  }
  return parse_image(text, text);
}

std::string_view without_file_scheme(std::string_view text) noexcept {
  if (text.starts_with(kFileScheme)) text.remove_prefix(kFileScheme.size());
  return text;
}

std::string OciRef::text() const {
  return fmt::format("{}/{}{}{}{}{}", registry, repository, tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@",
                     digest);
}

std::string_view OciRef::api_host() const noexcept {
  return registry == kDockerHub ? kDockerHubHost : std::string_view(registry);
}

Result<OciRef> parse_oci_ref(std::string_view stripped) {
  OciRef ref;
  auto name = stripped;
  WEFT_CHECK(take_tail(name, ref));
  const auto slash = name.find('/');
  const bool has_registry = slash != std::string_view::npos && names_registry(name.substr(0, slash));
  ref.registry = has_registry ? to_lower(name.substr(0, slash)) : std::string(kDockerHub);
  if (ref.registry == kDockerHubHost) ref.registry = kDockerHub;
  ref.repository = to_lower(has_registry ? name.substr(slash + 1) : name);
  if (ref.registry == kDockerHub && !ref.repository.contains('/')) ref.repository.insert(0, "library/");
  if (!is_registry(ref.registry)) return bad_ref(stripped, "its registry is not a host, nor a host and a port", "");
  if (ref.registry.size() + ref.repository.size() > kMaxNameBytes || !is_repository(ref.repository)) {
    return bad_ref(stripped, "its repository is not letters, digits and single separators", "for instance shop/cart");
  }
  return ref;
}

}  // namespace weft::wire
