// SPDX-License-Identifier: Apache-2.0
/// The signed token that a WebAssembly binary carries in a custom section, and the hash of everything else.
///
/// Walks sections alone and does not validate what they hold; that is the engine's matter. A custom section named
/// `wasmcloud_jwt` counts at the top level, one with the old name `jwt` at any depth; the first of them is the token.
/// Threads: pure functions. Errors: malformed. Limits: kMaxWasmDepth nested components.
/// Source: control-plane facts 7.5; WebAssembly core specification 5.5, component-model Binary.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::wire {

inline constexpr std::size_t kMaxWasmDepth = 64;

/// Nothing: the binary is not signed. The view points into `wasm`.
Result<std::optional<std::string_view>> find_wasm_token(std::string_view wasm);
/// The binary without its tokens, at any depth, and with lengths in their shortest form.
Result<std::string> strip_wasm_tokens(std::string_view wasm);
/// `stripped` with a token as its last section.
std::string append_wasm_token(std::string_view stripped, std::string_view token);

/// 64 digits in upper case: the form of every hash in a token.
std::string sha256_text(std::string_view bytes);

}  // namespace weft::wire
