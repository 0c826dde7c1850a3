// SPDX-License-Identifier: Apache-2.0
#include "web/http_fault.hpp"

#include <array>

namespace weft::web {
namespace {

struct Facts {
  std::string_view name;
  unsigned status;
};

constexpr std::array<Facts, kHttpFaults> kFacts = {{
    {"DNS-timeout", 504},
    {"DNS-error", 502},
    {"destination-not-found", 502},
    {"destination-unavailable", 502},
    {"destination-IP-prohibited", 502},
    {"destination-IP-unroutable", 502},
    {"connection-refused", 502},
    {"connection-terminated", 502},
    {"connection-timeout", 504},
    {"connection-read-timeout", 504},
    {"connection-write-timeout", 504},
    {"connection-limit-reached", 503},
    {"TLS-protocol-error", 502},
    {"TLS-certificate-error", 502},
    {"TLS-alert-received", 502},
    {"HTTP-request-denied", 403},
    {"HTTP-request-length-required", 411},
    {"HTTP-request-body-size", 413},
    {"HTTP-request-method-invalid", 400},
    {"HTTP-request-URI-invalid", 400},
    {"HTTP-request-URI-too-long", 414},
    {"HTTP-request-header-section-size", 431},
    {"HTTP-request-header-size", 431},
    {"HTTP-request-trailer-section-size", 431},
    {"HTTP-request-trailer-size", 431},
    {"HTTP-response-incomplete", 502},
    {"HTTP-response-header-section-size", 502},
    {"HTTP-response-header-size", 502},
    {"HTTP-response-body-size", 502},
    {"HTTP-response-trailer-section-size", 502},
    {"HTTP-response-trailer-size", 502},
    {"HTTP-response-transfer-coding", 502},
    {"HTTP-response-content-coding", 502},
    {"HTTP-response-timeout", 504},
    {"HTTP-upgrade-failed", 502},
    {"HTTP-protocol-error", 502},
    {"loop-detected", 508},
    {"configuration-error", 500},
    {"internal-error", 500},
}};

}  // namespace

std::string_view to_string(HttpFault fault) noexcept { return kFacts[static_cast<std::size_t>(fault)].name; }

unsigned to_status(HttpFault fault) noexcept { return kFacts[static_cast<std::size_t>(fault)].status; }

}  // namespace weft::web
