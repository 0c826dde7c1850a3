// SPDX-License-Identifier: Apache-2.0
#include "wire/wasm_token.hpp"

#include <gtest/gtest.h>

#include "wire/test_wasm.hpp"

namespace weft::wire {
namespace {

std::optional<std::string> found_in(std::string_view wasm) {
  const auto token = find_wasm_token(wasm);
  EXPECT_TRUE(token) << token.error().to_string();
  if (!token || !*token) return std::nullopt;
  return std::string(**token);
}

TEST(WasmTokenTest, finds_the_token_at_the_top) {
  EXPECT_EQ(found_in(kComponentHeader), std::nullopt);
  EXPECT_EQ(found_in(component(custom("wasmcloud_jwt", "T"))), "T");
  EXPECT_EQ(found_in(component(custom("jwt", "old"))), "old");
  EXPECT_EQ(found_in(core_module(custom("wasmcloud_jwt", "T"))), "T");
  EXPECT_EQ(found_in(component(custom("jwt", "first") + custom("wasmcloud_jwt", "second"))), "first");
  EXPECT_EQ(found_in(component(custom("name", "jwt"))), std::nullopt);
}

TEST(WasmTokenTest, finds_nested_tokens_by_the_old_name_alone) {
  EXPECT_EQ(found_in(component(section(1, core_module(custom("jwt", "deep"))))), "deep");
  EXPECT_EQ(found_in(component(section(4, component(section(1, core_module(custom("jwt", "deeper"))))))), "deeper");
  EXPECT_EQ(found_in(component(section(4, component(custom("wasmcloud_jwt", "no"))))), std::nullopt);
}

TEST(WasmTokenTest, does_not_take_types_and_tables_of_a_module_for_nested_binaries) {
  const auto wasm = core_module(section(1, "types") + section(4, "tables"));
  EXPECT_EQ(found_in(wasm), std::nullopt);
  EXPECT_EQ(strip_wasm_tokens(wasm).operator*(), wasm);
}

TEST(WasmTokenTest, strips_tokens_at_every_depth_and_computes_lengths_anew) {
  const auto keep = section(6, "alias");
  const auto inner = component(custom("jwt", std::string(200, 'x')) + section(1, core_module(section(1, "t"))));
  const auto wasm = component(keep + section(4, inner) + custom("wasmcloud_jwt", "T"));
  const auto stripped = strip_wasm_tokens(wasm);
  ASSERT_TRUE(stripped);
  EXPECT_EQ(*stripped, component(keep + section(4, component(section(1, core_module(section(1, "t")))))));
  EXPECT_EQ(strip_wasm_tokens(*stripped).operator*(), *stripped);
}

TEST(WasmTokenTest, writes_lengths_in_their_shortest_form) {
  const auto padded = std::string(kComponentHeader) + std::string(
                                                          "\x06\x83\x80\x80\x80\x00"
                                                          "abc",
                                                          9);
  EXPECT_EQ(strip_wasm_tokens(padded).operator*(), component(section(6, "abc")));
}

TEST(WasmTokenTest, appends_a_token_it_finds_again) {
  const auto wasm = component(section(6, std::string(300, 'a')));
  const auto signed_wasm = append_wasm_token(wasm, "token");
  EXPECT_EQ(found_in(signed_wasm), "token");
  EXPECT_EQ(strip_wasm_tokens(signed_wasm).operator*(), wasm);
}

TEST(WasmTokenTest, refuses_what_is_cut) {
  const auto whole = component(section(4, component(custom("name", "x"))) + custom("wasmcloud_jwt", "T"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = std::string_view(whole).substr(0, size);
    const auto stripped = strip_wasm_tokens(cut);
    const bool between_sections = size == 8 || size == whole.size() - custom("wasmcloud_jwt", "T").size();
    EXPECT_EQ(static_cast<bool>(stripped), between_sections) << size;
    if (!stripped) EXPECT_EQ(stripped.error().code(), Errc::malformed);
  }
  EXPECT_FALSE(find_wasm_token("(component)"));
  EXPECT_FALSE(
      find_wasm_token(component(std::string("\x00\x03\x05"
                                            "ab",
                                            5))));
  EXPECT_FALSE(find_wasm_token(component(std::string("\x06\xFF\xFF\xFF\xFF\x0F", 6))));
  EXPECT_FALSE(find_wasm_token(component(std::string("\x06\x80\x80\x80\x80\x80\x00", 7))));
}

TEST(WasmTokenTest, limits_nesting) {
  const auto nested = [](std::size_t depth) {
    auto wasm = component("");
    for (std::size_t at = 0; at < depth; ++at) wasm = component(section(4, wasm));
    return wasm;
  };
  EXPECT_TRUE(strip_wasm_tokens(nested(kMaxWasmDepth)));
  EXPECT_FALSE(strip_wasm_tokens(nested(kMaxWasmDepth + 1)));
  EXPECT_TRUE(find_wasm_token(nested(kMaxWasmDepth)));
  EXPECT_FALSE(find_wasm_token(nested(kMaxWasmDepth + 1)));
}

TEST(WasmTokenTest, hashes_in_upper_case) {
  EXPECT_EQ(sha256_text("abc"), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
}

}  // namespace
}  // namespace weft::wire
