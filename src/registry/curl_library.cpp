// SPDX-License-Identifier: Apache-2.0
#include "registry/curl_library.hpp"

namespace weft::registry {

Result<CurlLibrary> CurlLibrary::find_all() {
  WEFT_TRY(const auto library, LateLibrary::load("libcurl.so.4", "libcurl4"));
  CurlLibrary functions;
#define WEFT_FIND(name) WEFT_CHECK(library.find(#name, functions.name));
  WEFT_CURL_FUNCTIONS(WEFT_FIND)
#undef WEFT_FIND
  // Once per process; it is safe to call from several threads at once only this way.
  if (functions.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error(Errc::internal, "libcurl cannot be used");
  }
  return functions;
}

}  // namespace weft::registry
