// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/host_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weft::cli {
namespace {

constexpr auto kFirst = "NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V";

wire::HostPing host(std::string id, std::string name) {
  wire::HostPing ping;
  ping.id = std::move(id);
  ping.friendly_name = std::move(name);
  return ping;
}

const std::vector<wire::HostPing>& hosts() {
  static const std::vector<wire::HostPing> all{host(kFirst, "quiet-harbor-0412"), host("NDOTHER", "loud-harbor-0413")};
  return all;
}

TEST(ChooseHostTest, takes_the_beginning_of_an_id_or_a_part_of_a_name_in_any_case) {
  for (const auto* wanted : {kFirst, "NCPK", "ncpk", "quiet", "QUIET-Harbor", "0412"}) {
    const auto chosen = choose_host(hosts(), wanted);
    ASSERT_TRUE(chosen) << wanted;
    EXPECT_EQ(chosen->id, kFirst) << wanted;
  }
}

TEST(ChooseHostTest, lists_the_hosts_when_several_or_none_are_meant) {
  struct Case {
    const char* wanted;
    Errc code;
  };
  for (const auto& [wanted, code] :
       {Case{"harbor", Errc::invalid_argument}, Case{"", Errc::invalid_argument}, Case{"nothing", Errc::not_found}}) {
    const auto chosen = choose_host(hosts(), wanted);
    ASSERT_FALSE(chosen) << wanted;
    EXPECT_EQ(chosen.error().code(), code) << wanted;
    EXPECT_THAT(chosen.error().hint(), testing::HasSubstr("NDOTHER (loud-harbor-0413)"));
  }
}

TEST(ChooseHostTest, an_only_host_needs_no_name) {
  EXPECT_EQ(choose_host(std::span(hosts()).first(1), "")->id, kFirst);
}

TEST(IsHostIdTest, knows_a_public_key_by_its_shape) {
  EXPECT_TRUE(is_host_id(kFirst));
  EXPECT_FALSE(is_host_id("NCPK"));
  EXPECT_FALSE(is_host_id("M" + std::string(kFirst).substr(1)));
  EXPECT_FALSE(is_host_id(""));
}

}  // namespace
}  // namespace weft::cli
