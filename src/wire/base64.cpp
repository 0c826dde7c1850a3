// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.hpp"

#include <sodium.h>

namespace weft::wire {
namespace {

int variant_of(Base64 form) noexcept {
  switch (form) {
    case Base64::standard:
      return sodium_base64_VARIANT_ORIGINAL;
    case Base64::standard_unpadded:
      return sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    case Base64::url:
      return sodium_base64_VARIANT_URLSAFE;
    case Base64::url_unpadded:
      break;
  }
  return sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

}  // namespace

std::string to_base64(std::string_view bytes, Base64 form) {
  const auto variant = variant_of(form);
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    variant);
  text.pop_back();  // the zero at its end
  return text;
}

std::optional<std::string> from_base64(std::string_view text, Base64 form) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, variant_of(form)) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  // libsodium 1.0.18 takes 0xbd for '='.
  if (to_base64(bytes, form) != text) return std::nullopt;
  return bytes;
}

}  // namespace weft::wire
