// SPDX-License-Identifier: Apache-2.0
/// Provider archives (PAR): a tar file, optionally gzipped, with a provider's signed claims, one executable for each
/// machine it runs on, and perhaps the interfaces it speaks (`world.wasm`).
///
/// open() goes through the archive once, hashes everything and believes nothing but the signature; extract() goes
/// through it again and hashes what it writes, so a file that changed in between is found out. Executables are never in
/// memory as a whole. Entries are known by the stem of their name; others are passed over.
///
/// Ownership: an archive holds its file open; the file may be replaced or removed meanwhile. Threads: any thread, const
/// members at the same time; all of it blocks.
/// Errors: malformed (damaged, no claims), permission_denied (bad signature, dates, hashes), not_found (no such
/// target), unsupported, resource_exhausted (ParLimits), io. Source: control-plane facts 7.6. Unlike 1.9 the signature
/// and the dates of the claims are verified.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "registry/file.hpp"
#include "registry/tar_reader.hpp"
#include "wire/claims.hpp"

namespace weft::registry {

struct ParLimits {
  std::uint64_t max_file_bytes = std::uint64_t{1} * 1024 * 1024 * 1024;
  std::uint64_t max_executable_bytes = std::uint64_t{512} * 1024 * 1024;
  std::uint64_t max_world_bytes = std::uint64_t{16} * 1024 * 1024;
  TarLimits tar;
};

/// An executable inside.
struct ParTarget {
  std::string name;  ///< "x86_64-linux"
  std::uint64_t size = 0;
  std::string hash;  ///< as in wire::sha256_text()
};

/// Targets are named as a host's labels name machines: "x86_64-linux".
std::string own_target();
/// invalid_argument for what does not look like "x86_64-linux".
Result<void> check_target_name(std::string_view name);

/// Whether what the claims say about themselves must hold: a host insists, a person may want to see what is wrong.
enum class ParTrust : std::uint8_t { verified, unverified };

using TakeBytes = std::function<Result<void>(std::string_view)>;

class ProviderArchive {
 public:
  static Result<ProviderArchive> open(const std::string& path, std::chrono::system_clock::time_point now,
                                      ParTrust trust = ParTrust::verified, const ParLimits& limits = {});

  [[nodiscard]] const wire::ProviderClaims& claims() const noexcept { return claims_; }
  [[nodiscard]] const std::vector<ParTarget>& targets() const noexcept { return targets_; }
  /// WebAssembly that holds the provider's interfaces; empty: none.
  [[nodiscard]] const std::string& world() const noexcept { return world_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// That every executable is what the claims say. A host needs no more than extract(), which checks its own.
  [[nodiscard]] Result<void> check_hashes() const;
  /// "sha256:..." of an executable, which is both what is inside and what the claims say.
  [[nodiscard]] Result<std::string> claimed_hash(std::string_view target) const;
  /// Writes the executable to a new file beside `destination`, checks its hash and puts it in place with mode 0755, so
  /// that a process which runs from an older one is left alone. The folder must exist. Starting it at once may give
  /// ETXTBSY when another thread forks while it is written, which passes: whoever starts it should try again then.
  [[nodiscard]] Result<void> extract(std::string_view target, const std::string& destination,
                                     Lasting lasting = Lasting::after_crash) const;
  /// Tells all bytes of an executable in order, and at the end whether they have the hash of the claims.
  [[nodiscard]] Result<void> read_target(std::string_view target, const TakeBytes& take) const;

 private:
  ProviderArchive() = default;

  Result<void> take(TarReader& reader, const TarEntry& entry);
  [[nodiscard]] const ParTarget* find_target(std::string_view name) const noexcept;
  [[nodiscard]] Result<void> check_hash(std::string_view name, const std::string& hash) const;
  [[nodiscard]] Error no_target(std::string_view name) const;

  std::string path_;
  ParLimits limits_;
  OpenFile file_;
  std::string token_;
  wire::ProviderClaims claims_;
  std::vector<ParTarget> targets_;
  std::string world_;
};

}  // namespace weft::registry
