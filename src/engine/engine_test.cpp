// SPDX-License-Identifier: Apache-2.0
// Against real guests, which scripts/build_apps builds.
#include "engine/engine.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "engine/inline_caller.hpp"

namespace weft::engine {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes made;
  for (const int value : values) {
    made.push_back(static_cast<std::byte>(value));
  }
  return made;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = InlineCaller::create("values-callee");
    ASSERT_TRUE(made) << made.error().to_string();
    callee = *std::move(made);
  }

  Result<Bytes> call(const std::string& name, const Bytes& params) {
    WEFT_TRY(const Function function, callee->find("weft:values/" + name));
    return callee->call(function, params);
  }

  std::unique_ptr<InlineCaller> callee;
};

TEST_F(EngineTest, moves_encoded_values_through_a_guest) {
  const auto text = bytes({4, 'w', 'e', 'f', 't'});
  const auto answer = call("echo#echo-string", text);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(*answer, text);
  const auto quotient = call("echo#divide", bytes({17, 5}));
  ASSERT_TRUE(quotient) << quotient.error().to_string();
  EXPECT_EQ(*quotient, bytes({0, 3, 2}));
}

TEST_F(EngineTest, parameters_that_do_not_decode_are_malformed_and_not_the_guests_fault) {
  for (const auto& [name, params] : std::vector<std::pair<std::string, Bytes>>{
           {"echo#echo-string", bytes({5, 'a'})},   // cut
           {"echo#echo-string", bytes({1, 0xff})},  // no UTF-8
           {"echo#echo-bool", bytes({2})},
           {"echo#echo-u8", {}},
           {"counters#consume", bytes({3, 1, 2, 3})},  // a handle that nobody gave
       }) {
    const auto answer = call(name, params);
    ASSERT_FALSE(answer) << name;
    EXPECT_EQ(answer.error().code(), Errc::malformed) << answer.error().to_string();
    EXPECT_EQ(answer.error().blame(), Blame::operator_);
    EXPECT_FALSE(answer.error().hint().empty());
  }
}

TEST_F(EngineTest, a_guest_that_runs_out_of_memory_is_not_malformed) {
  // A list that decodes: each of its 8 Mi empty strings takes one byte here, and eight in the guest.
  Bytes params = bytes({0x80, 0x80, 0x80, 0x04});
  params.resize(params.size() + (std::size_t{8} << 20));
  const auto answer = call("echo#echo-list-string", params);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().code(), Errc::malformed) << answer.error().to_string();
  EXPECT_NE(answer.error().code(), Errc::internal) << answer.error().to_string();
}

TEST_F(EngineTest, a_function_that_is_not_exported_is_not_found) {
  EXPECT_EQ(callee->find("weft:values/echo#none").error().code(), Errc::not_found);
  EXPECT_EQ(callee->find("weft:values/none#echo-u8").error().code(), Errc::not_found);
}

}  // namespace
}  // namespace weft::engine
