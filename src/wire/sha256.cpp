// SPDX-License-Identifier: Apache-2.0
#include "wire/sha256.hpp"

#include <sodium.h>

#include <new>

namespace weft::wire {
namespace {

using State = crypto_hash_sha256_state;

State* state_in(std::array<std::byte, 128>& room) noexcept {
  static_assert(sizeof(State) <= sizeof(room) && alignof(State) <= 16);
  static_assert(crypto_hash_sha256_BYTES == std::tuple_size_v<Sha256Hash>);
  return std::launder(reinterpret_cast<State*>(room.data()));
}

std::string hex(std::span<const std::uint8_t> bytes, std::string_view digits) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned byte : bytes) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

}  // namespace

Sha256::Sha256() noexcept : state_() { crypto_hash_sha256_init(new (state_.data()) State); }

void Sha256::update(std::string_view bytes) noexcept {
  crypto_hash_sha256_update(state_in(state_), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

Sha256Hash Sha256::finish() noexcept {
  Sha256Hash hash{};
  crypto_hash_sha256_final(state_in(state_), hash.data());
  return hash;
}

Sha256Hash sha256(std::string_view bytes) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string lower_hex(std::span<const std::uint8_t> bytes) { return hex(bytes, "0123456789abcdef"); }
std::string upper_hex(std::span<const std::uint8_t> bytes) { return hex(bytes, "0123456789ABCDEF"); }

}  // namespace weft::wire
