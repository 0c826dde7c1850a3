// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.hpp"

#include <sodium.h>

namespace weft::wire {
namespace {

int alphabet(Padding padding) noexcept {
  return padding == Padding::full ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

}  // namespace

std::string to_base64url(std::string_view bytes, Padding padding) {
  std::string text(sodium_base64_encoded_len(bytes.size(), alphabet(padding)), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    alphabet(padding));
  text.pop_back();  // the zero at its end
  return text;
}

std::optional<std::string> from_base64url(std::string_view text, Padding padding) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, alphabet(padding)) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  // libsodium 1.0.18 takes 0xbd for '='.
  if (to_base64url(bytes, padding) != text) return std::nullopt;
  return bytes;
}

}  // namespace weft::wire
