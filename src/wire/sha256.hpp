// SPDX-License-Identifier: Apache-2.0
/// SHA-256 of what comes in pieces, and how a hash is written: in lower case in image digests, in upper case in tokens.
/// Threads: a plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft::wire {

using Sha256Hash = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256() noexcept;
  void update(std::string_view bytes) noexcept;
  /// Once; the object is spent after it.
  [[nodiscard]] Sha256Hash finish() noexcept;

 private:
  // Room for libsodium's state, whose header is included nowhere but in wire's sources.
  alignas(16) std::array<std::byte, 128> state_;
};

[[nodiscard]] Sha256Hash sha256(std::string_view bytes) noexcept;
/// 64 digits.
[[nodiscard]] std::string lower_hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string upper_hex(std::span<const std::uint8_t> bytes);

}  // namespace weft::wire
