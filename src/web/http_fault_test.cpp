// SPDX-License-Identifier: Apache-2.0
#include "web/http_fault.hpp"

#include <gtest/gtest.h>

#include <set>

namespace weft::web {
namespace {

TEST(HttpFaultTest, numbers_and_names_are_those_of_wasi_http) {
  EXPECT_EQ(static_cast<unsigned>(HttpFault::dns_timeout), 0U);
  EXPECT_EQ(static_cast<unsigned>(HttpFault::http_request_denied), 15U);
  EXPECT_EQ(static_cast<unsigned>(HttpFault::internal_error) + 1, kHttpFaults);
  EXPECT_EQ(to_string(HttpFault::dns_timeout), "DNS-timeout");
  EXPECT_EQ(to_string(HttpFault::tls_alert_received), "TLS-alert-received");
  EXPECT_EQ(to_string(HttpFault::http_response_incomplete), "HTTP-response-incomplete");
  EXPECT_EQ(to_string(HttpFault::internal_error), "internal-error");
}

TEST(HttpFaultTest, each_has_a_name_of_its_own_and_a_status_of_a_failure) {
  std::set<std::string_view> names;
  for (unsigned number = 0; number < kHttpFaults; ++number) {
    const auto fault = static_cast<HttpFault>(number);
    EXPECT_TRUE(names.insert(to_string(fault)).second) << number;
    EXPECT_GE(to_status(fault), 400U);
    EXPECT_LT(to_status(fault), 600U);
  }
  EXPECT_EQ(to_status(HttpFault::connection_timeout), 504U);
  EXPECT_EQ(to_status(HttpFault::connection_refused), 502U);
  EXPECT_EQ(to_status(HttpFault::http_request_denied), 403U);
}

}  // namespace
}  // namespace weft::web
