// SPDX-License-Identifier: Apache-2.0
#include "registry/par.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "wire/jwt.hpp"
#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

constexpr std::string_view kClaims = "claims";
constexpr std::string_view kWorld = "world";
constexpr std::string_view kWorldFile = "world.wasm";
constexpr std::size_t kChunkBytes = std::size_t{128} * 1024;
constexpr std::size_t kMaxTargetName = 64;

#if defined(__x86_64__)
constexpr std::string_view kOwnTarget = "x86_64-linux";
#elif defined(__aarch64__)
constexpr std::string_view kOwnTarget = "aarch64-linux";
#elif defined(__riscv)
constexpr std::string_view kOwnTarget = "riscv64-linux";
#else
#error "this machine has no name in provider archives yet"
#endif

Error malformed(std::string message) {
  return {Errc::malformed, std::move(message), "fetch or build the archive again", Blame::peer};
}

/// "./x86_64-linux.bin" -> "x86_64-linux".
std::string_view stem_of(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

bool is_target_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  const auto dash = name.find('-');
  return name.size() <= kMaxTargetName && dash != 0 && dash != std::string_view::npos && dash + 1 != name.size() &&
         std::ranges::all_of(name, is_plain);
}

Result<void> read_entry(TarReader& reader, const TakeBytes& take) {
  std::vector<char> chunk(kChunkBytes);
  for (;;) {
    WEFT_TRY(const auto count, reader.read(chunk));
    if (count == 0) return {};
    WEFT_CHECK(take({chunk.data(), count}));
  }
}

Result<std::string> read_text(TarReader& reader, const TarEntry& entry, std::uint64_t max_bytes) {
  if (entry.size > max_bytes) {
    return Error(Errc::resource_exhausted,
                 fmt::format("the archive's '{}' has {} bytes, more than the {} that are allowed", stem_of(entry.name),
                             entry.size, max_bytes),
                 {}, Blame::peer);
  }
  std::string text;
  WEFT_CHECK(read_entry(reader, [&text](std::string_view bytes) -> Result<void> {
    text += bytes;
    return {};
  }));
  return text;
}

}  // namespace

std::string own_target() { return std::string(kOwnTarget); }

Result<void> check_target_name(std::string_view name) {
  if (is_target_name(name)) return {};
  return Error(Errc::invalid_argument, fmt::format("'{}' names no kind of machine", name),
               fmt::format("write architecture and system, such as {}", kOwnTarget), Blame::operator_);
}

Result<ProviderArchive> ProviderArchive::open(const std::string& path, std::chrono::system_clock::time_point now,
                                              ParTrust trust, const ParLimits& limits) {
  ProviderArchive archive;
  archive.path_ = path;
  archive.limits_ = limits;
  WEFT_TRY(archive.file_, open_regular_file(path, limits.max_file_bytes));
  WEFT_TRY(auto reader, TarReader::open(archive.file_.descriptor.get(), limits.tar));
  for (;;) {
    WEFT_TRY(const auto entry, reader.next());
    if (!entry) break;
    WEFT_CHECK(archive.take(reader, *entry));
  }
  if (archive.token_.empty()) return malformed("the archive has no claims.jwt, so it is no provider archive");
  WEFT_TRY(archive.claims_, trust == ParTrust::verified ? wire::read_provider_claims(archive.token_, now)
                                                        : wire::peek_provider_claims(archive.token_));
  if (archive.targets_.empty()) return malformed("the archive has no executable inside");
  if (trust == ParTrust::verified && !archive.world_.empty()) {
    WEFT_CHECK(archive.check_hash(kWorldFile, wire::upper_hex(wire::sha256(archive.world_))));
  }
  return archive;
}

Result<void> ProviderArchive::take(TarReader& reader, const TarEntry& entry) {
  const auto stem = stem_of(entry.name);
  const auto twice = [stem] { return malformed(fmt::format("the archive has two entries named '{}'", stem)); };
  if (stem == kClaims) {
    if (!token_.empty()) return twice();
    WEFT_TRY(token_, read_text(reader, entry, wire::kMaxTokenBytes));
    if (token_.empty()) return malformed("the archive's claims.jwt is empty");
    return {};
  }
  if (stem == kWorld) {
    if (!world_.empty()) return twice();
    WEFT_TRY(world_, read_text(reader, entry, limits_.max_world_bytes));
    return {};
  }
  if (!is_target_name(stem)) return {};
  if (find_target(stem) != nullptr) return twice();
  if (entry.size > limits_.max_executable_bytes) {
    return Error(Errc::resource_exhausted,
                 fmt::format("the executable '{}' has {} bytes, more than the {} that are allowed", stem, entry.size,
                             limits_.max_executable_bytes),
                 {}, Blame::peer);
  }
  wire::Sha256 hash;
  WEFT_CHECK(read_entry(reader, [&hash](std::string_view bytes) -> Result<void> {
    hash.update(bytes);
    return {};
  }));
  targets_.push_back({std::string(stem), entry.size, wire::upper_hex(hash.finish())});
  return {};
}

const ParTarget* ProviderArchive::find_target(std::string_view name) const noexcept {
  const auto found = std::ranges::find(targets_, name, &ParTarget::name);
  return found == targets_.end() ? nullptr : &*found;
}

Result<void> ProviderArchive::check_hash(std::string_view name, const std::string& hash) const {
  const auto claimed = claims_.target_hashes.find(std::string(name));
  if (claimed == claims_.target_hashes.end()) {
    return Error(Errc::permission_denied, fmt::format("the archive's claims have no hash of '{}'", name),
                 "build the archive again", Blame::peer);
  }
  if (claimed->second != hash) {
    return Error(Errc::permission_denied, fmt::format("'{}' in the archive has another hash than its claims say", name),
                 "the archive was changed after it was signed; fetch or build it again", Blame::peer);
  }
  return {};
}

Error ProviderArchive::no_target(std::string_view name) const {
  std::string known;
  for (const auto& target : targets_) known += (known.empty() ? "" : ", ") + target.name;
  return {Errc::not_found, fmt::format("the archive has no executable for {}", name), "it has them for " + known,
          Blame::operator_};
}

Result<void> ProviderArchive::check_hashes() const {
  for (const auto& target : targets_) WEFT_CHECK(check_hash(target.name, target.hash));
  if (!world_.empty()) WEFT_CHECK(check_hash(kWorldFile, wire::upper_hex(wire::sha256(world_))));
  return {};
}

Result<std::string> ProviderArchive::claimed_hash(std::string_view target) const {
  const auto* const found = find_target(target);
  if (found == nullptr) return no_target(target);
  WEFT_CHECK(check_hash(found->name, found->hash));
  std::string digest = "sha256:" + found->hash;
  std::ranges::transform(digest, digest.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return digest;
}

Result<void> ProviderArchive::read_target(std::string_view target, const TakeBytes& take) const {
  const auto* const found = find_target(target);
  if (found == nullptr) return no_target(target);
  // Known since open(): spares writing what would be refused.
  WEFT_CHECK(check_hash(found->name, found->hash));
  WEFT_TRY(auto reader, TarReader::open(file_.descriptor.get(), limits_.tar));
  for (;;) {
    WEFT_TRY(const auto entry, reader.next());
    if (!entry) return malformed("the archive was changed while it was read");
    if (stem_of(entry->name) != target) continue;
    // The claims were believed when the file was opened; what is in it now must still be what they name.
    if (entry->size != found->size) return malformed("the archive was changed while it was read");
    wire::Sha256 hash;
    WEFT_CHECK(read_entry(reader, [&](std::string_view bytes) {
      hash.update(bytes);
      return take(bytes);
    }));
    return check_hash(target, wire::upper_hex(hash.finish()));
  }
}

Result<void> ProviderArchive::extract(std::string_view target, const std::string& destination, Lasting lasting) const {
  if (find_target(target) == nullptr) return no_target(target);
  WEFT_TRY(auto file, NewFile::create(destination));
  WEFT_CHECK(read_target(target, [&file](std::string_view bytes) { return file.write(bytes); }));
  return file.commit(0755, lasting);
}

}  // namespace weft::registry
