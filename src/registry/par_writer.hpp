// SPDX-License-Identifier: Apache-2.0
/// Makes provider archives, and puts further executables into them. What is written is read by wasmCloud 1.9 and its
/// tools; the same parts and the same stamp give the same bytes.
///
/// Threads: pure functions, which block. Errors: those of ProviderArchive and NewFile; invalid_argument for a target
/// that is no target; conflict when a file changes while it is packed. What was at `destination` stays until the new
/// archive is whole. Source: control-plane facts 7.6.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>
#include <weft/result.hpp>

#include "registry/par.hpp"
#include "wire/nkey.hpp"

namespace weft::registry {

enum class ParCompression : std::uint8_t { none, gzip };

struct ParExecutable {
  std::string target;  ///< "x86_64-linux"
  std::string path;
};

struct NewProvider {
  /// `target_hashes`, `issuer` and `jwt` are not read.
  wire::ProviderClaims claims;
  std::vector<ParExecutable> executables;
  std::string world;  ///< bytes; empty: none
  ParCompression compression = ParCompression::none;
};

Result<void> create_provider_archive(const std::string& destination, const NewProvider& provider,
                                     const wire::TokenStamp& stamp, const wire::KeyPair& issuer,
                                     const ParLimits& limits = {});

/// Adds `executable` to the archive at `path`, or replaces the one of its target, and signs it anew; its claims stay
/// otherwise. The old archive must be sound, as ProviderArchive::open() and check_hashes() have it at `now`.
Result<void> insert_executable(const std::string& path, const ParExecutable& executable, const wire::TokenStamp& stamp,
                               const wire::KeyPair& issuer, std::chrono::system_clock::time_point now,
                               const ParLimits& limits = {});

}  // namespace weft::registry
