// SPDX-License-Identifier: Apache-2.0
#include "builtins/secrets/secrets_target.hpp"

#include <gtest/gtest.h>

#include "builtins/fake_caller.hpp"

namespace weft::builtins {
namespace {

constexpr std::string_view kStore = "wasmcloud:secrets/store@0.1.0-draft";
constexpr std::string_view kReveal = "wasmcloud:secrets/reveal@0.1.0-draft";

struct Secret;
using Got = std::expected<Handle<Secret>, std::variant<std::string, std::string, std::monostate>>;
using Value = std::variant<std::string, std::vector<std::uint8_t>>;

class SecretsTargetTest : public testing::Test {
 protected:
  Got get(std::string_view name) { return *caller.call_on<Got>(0, *secrets.target(), kStore, "get", name); }
  Result<Value> reveal(const Handle<Secret>& secret) {
    return caller.call_on<Value>(0, *secrets.target(), kReveal, "reveal", secret);
  }
  FakeCaller caller;
  SecretsTarget secrets{"shop",
                        2,
                        {{"password", {.kind = wire::SecretValue::Kind::text, .value = "hunter2"}},
                         {"key", {.kind = wire::SecretValue::Kind::bytes, .value = std::string("\0\xff", 2)}}}};
};

TEST_F(SecretsTargetTest, a_handle_is_revealed_as_text_or_bytes) {
  const auto password = get("password");
  ASSERT_TRUE(password);
  EXPECT_EQ(std::get<0>(*reveal(*password)), "hunter2");
  const auto key = get("key");
  ASSERT_TRUE(key);
  EXPECT_EQ(std::get<1>(*reveal(*key)), (std::vector<std::uint8_t>{0, 255}));
}

TEST_F(SecretsTargetTest, what_is_not_there_is_not_found) {
  const auto nothing = get("other");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().index(), 2U);
}

TEST_F(SecretsTargetTest, a_call_sees_the_secrets_of_its_moment) {
  const auto password = get("password");
  secrets.update({{"password", {.kind = wire::SecretValue::Kind::text, .value = "other"}}});
  EXPECT_EQ(std::get<0>(*reveal(*password)), "other");
  EXPECT_FALSE(get("key"));
  secrets.update({});
  const auto gone = reveal(*password);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Errc::not_found);
}

}  // namespace
}  // namespace weft::builtins
