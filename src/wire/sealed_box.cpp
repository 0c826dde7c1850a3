// SPDX-License-Identifier: Apache-2.0
#include "wire/sealed_box.hpp"

#include <sodium.h>

namespace weft::wire {
namespace {

constexpr std::string_view kVersion = "xkv1";
static_assert(kNonceBytes == crypto_box_NONCEBYTES);

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Result<void> check_kinds(const KeyPair& own, const PublicKey& other) {
  if (own.kind() == KeyKind::curve && other.kind == KeyKind::curve) return {};
  return Error{Errc::invalid_argument, "a sealed box needs two curve keys", "curve keys begin with X"};
}

}  // namespace

Result<std::string> seal(std::string_view text, const KeyPair& sender, const PublicKey& recipient,
                         std::span<const std::uint8_t, kNonceBytes> nonce) {
  WEFT_CHECK(check_kinds(sender, recipient));
  std::string sealed(kVersion);
  sealed.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  const auto head = sealed.size();
  sealed.resize(head + crypto_box_MACBYTES + text.size());
  if (crypto_box_easy(reinterpret_cast<unsigned char*>(sealed.data()) + head, bytes_of(text), text.size(), nonce.data(),
                      recipient.bytes.data(), sender.secret().data()) != 0) {
    return Error{Errc::invalid_argument, "nothing can be sealed for this curve key", "it is a point of low order"};
  }
  return sealed;
}

Result<std::string> open_sealed(std::string_view sealed, const KeyPair& recipient, const PublicKey& sender) {
  WEFT_CHECK(check_kinds(recipient, sender));
  const auto refused = [] {
    return Error{Errc::permission_denied, "the sealed box does not open", "was it sealed for another key?",
                 Blame::peer};
  };
  if (!sealed.starts_with(kVersion) || sealed.size() < kVersion.size() + kNonceBytes + crypto_box_MACBYTES) {
    return refused();
  }
  const auto nonce = sealed.substr(kVersion.size(), kNonceBytes);
  const auto box = sealed.substr(kVersion.size() + kNonceBytes);
  std::string text(box.size() - crypto_box_MACBYTES, '\0');
  if (crypto_box_open_easy(reinterpret_cast<unsigned char*>(text.data()), bytes_of(box), box.size(), bytes_of(nonce),
                           sender.bytes.data(), recipient.secret().data()) != 0) {
    return refused();
  }
  return text;
}

}  // namespace weft::wire
