// SPDX-License-Identifier: Apache-2.0
/// What a registry's refusal means, as an Error that names the way out.
/// Threads: pure functions. Source: OCI distribution specification 1.1, "error codes".
#pragma once

#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "registry/http_client.hpp"

namespace weft::registry {

struct OciRequest {
  std::string_view host;
  std::string_view repository;
  std::string_view doing;  ///< "find 1.0"
  bool is_anonymous = true;
};

/// not_found, permission_denied, unavailable (429, 5xx), refused (the rest).
Error oci_failure(const OciRequest& request, const HttpAnswer& answer);
/// "NAME_UNKNOWN: repository name not known", printable and short; empty when the body says nothing.
std::string failure_words(std::string_view body);

}  // namespace weft::registry
