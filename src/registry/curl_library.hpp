// SPDX-License-Identifier: Apache-2.0
/// What weft uses of libcurl, loaded when it is first needed (see LateLibrary). Threads: any.
#pragma once

#include <curl/curl.h>

#include <weft/result.hpp>

#include "registry/late_library.hpp"

// clang-format off: one a line
#define WEFT_CURL_FUNCTIONS(WITH) \
  WITH(curl_easy_cleanup) \
  WITH(curl_easy_getinfo) \
  WITH(curl_easy_init) \
  WITH(curl_easy_perform) \
  WITH(curl_easy_reset) \
  WITH(curl_easy_setopt) \
  WITH(curl_easy_strerror) \
  WITH(curl_global_init) \
  WITH(curl_slist_append) \
  WITH(curl_slist_free_all) \
  WITH(curl_version_info)
// clang-format on

namespace weft::registry {

struct CurlLibrary : LateFunctions<CurlLibrary> {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define WEFT_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_CURL_FUNCTIONS(WEFT_MEMBER)
#undef WEFT_MEMBER

  static Result<CurlLibrary> find_all();
};

}  // namespace weft::registry
