// SPDX-License-Identifier: Apache-2.0
/// For tests: tar files written by hand, so that they can be wrong in every way, and provider archives of them.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "registry/par.hpp"
#include "wire/claims.hpp"
#include "wire/sha256.hpp"

namespace weft::registry::testing_support {

inline constexpr std::int64_t kNow = 1'770'231'935;
inline const std::chrono::system_clock::time_point kNowPoint{std::chrono::seconds(kNow)};

inline wire::KeyPair issuer_pair() { return wire::KeyPair::from_entropy(wire::KeyKind::account, wire::KeyBytes{1}); }
inline wire::KeyPair subject_pair() { return wire::KeyPair::from_entropy(wire::KeyKind::service, wire::KeyBytes{2}); }

struct RawEntry {
  std::string name;
  std::string body;
  char type = '0';
  std::string link{};
  std::uint64_t claimed_size = UINT64_MAX;  ///< UINT64_MAX: the body's
};

/// The header of a ustar entry.
inline std::string tar_header(const RawEntry& entry) {
  const auto size = entry.claimed_size == UINT64_MAX ? entry.body.size() : entry.claimed_size;
  std::string header(512, '\0');
  const auto put = [&header](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  put(0, std::string_view(entry.name).substr(0, 100));
  put(100, "0000755");
  put(108, "0000000");
  put(116, "0000000");
  std::string digits;
  for (auto rest = size; digits.size() < 11; rest /= 8)
    digits.insert(digits.begin(), static_cast<char>('0' + rest % 8));
  put(124, digits);
  put(136, "00000000000");
  put(148, "        ");
  put(156, std::string_view(&entry.type, 1));
  put(157, entry.link);
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::string text;
  for (int i = 0; i < 6; ++i, sum /= 8) text.insert(text.begin(), static_cast<char>('0' + sum % 8));
  put(148, text + std::string("\0 ", 2));
  return header;
}

inline std::string tar_entry(const RawEntry& entry) {
  const auto padding = (512 - entry.body.size() % 512) % 512;
  return tar_header(entry) + entry.body + std::string(padding, '\0');
}

inline const std::string kTarEnd(1024, '\0');

/// Signed well, for exactly these hashes.
inline std::string provider_token(const std::map<std::string, std::string>& hashes,
                                  std::optional<std::int64_t> expires = {}) {
  wire::ProviderClaims claims;
  claims.subject = subject_pair().public_text();
  claims.name = "keyvalue";
  claims.vendor = "acme";
  claims.version = "0.3.1";
  claims.revision = 4;
  claims.target_hashes = hashes;
  claims.expires = expires;
  return *wire::sign_provider_claims(claims, {"id", kNow}, issuer_pair());
}

inline std::string hash_of(std::string_view bytes) { return wire::upper_hex(wire::sha256(bytes)); }

/// A sound archive with these executables.
inline std::string archive_of(const std::map<std::string, std::string>& executables, std::string_view world = {}) {
  std::map<std::string, std::string> hashes;
  for (const auto& [target, bytes] : executables) hashes[target] = hash_of(bytes);
  if (!world.empty()) hashes["world.wasm"] = hash_of(world);
  auto tar = tar_entry({"claims.jwt", provider_token(hashes)});
  if (!world.empty()) tar += tar_entry({"world.wasm", std::string(world)});
  for (const auto& [target, bytes] : executables) tar += tar_entry({target + ".bin", bytes});
  return tar + kTarEnd;
}

inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace weft::registry::testing_support
