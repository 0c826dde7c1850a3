// SPDX-License-Identifier: Apache-2.0
// Any bytes as a WebAssembly binary, as a token, and as the payload of a token that is signed well. A binary without
// its tokens must stay as it is when they are taken out again, and carry a new one that is found; what was signed must
// verify.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/base64.hpp"
#include "wire/claims.hpp"
#include "wire/jwt.hpp"
#include "wire/wasm_token.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

const std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'770'231'935)};

void insist(bool condition) {
  if (!condition) std::abort();
}

const KeyPair& issuer() {
  static const auto pair = KeyPair::from_entropy(KeyKind::account, KeyBytes{});
  return pair;
}

void check_wasm(std::string_view bytes) {
  const auto stripped = strip_wasm_tokens(bytes);
  const auto found = find_wasm_token(bytes);
  if (stripped) {
    insist(static_cast<bool>(found));
    insist(stripped->size() <= bytes.size());
    insist(*strip_wasm_tokens(*stripped) == *stripped);
    insist(!find_wasm_token(*stripped)->has_value());
    insist(*find_wasm_token(append_wasm_token(*stripped, "token")) == "token");
    const auto signed_wasm = sign_component(bytes, {}, {"id", 0}, issuer());
    insist(signed_wasm && *strip_wasm_tokens(*signed_wasm) == *stripped);
  }
  if (found && *found)
    insist((*found)->data() >= bytes.data() && (*found)->data() + (*found)->size() <= bytes.data() + bytes.size());
  static_cast<void>(extract_component_claims(bytes, kNow));
  static_cast<void>(peek_component_claims(bytes));
}

void check_token(std::string_view bytes) {
  if (const auto parts = split_token(bytes)) static_cast<void>(verify_token(*parts, issuer().public_text()));
  static_cast<void>(read_provider_claims(bytes, kNow));
}

void check_payload(std::string_view bytes) {
  const auto token = sign_token(bytes, issuer());
  if (!token || token->size() > kMaxTokenBytes) return;
  const auto parts = split_token(*token);
  insist(parts && parts->payload == bytes);
  insist(static_cast<bool>(verify_token(*parts, issuer().public_text())));
  static_cast<void>(read_provider_claims(*token, kNow));
  static_cast<void>(
      extract_component_claims(append_wasm_token(std::string_view("\0asm\x0d\0\x01\0", 8), *token), kNow));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto form : {Base64::standard, Base64::standard_unpadded, Base64::url, Base64::url_unpadded}) {
    if (const auto decoded = from_base64(bytes, form)) insist(to_base64(*decoded, form) == bytes);
  }
  check_wasm(bytes);
  check_token(bytes);
  check_payload(bytes);
  return 0;
}
