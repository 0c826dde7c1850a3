// SPDX-License-Identifier: Apache-2.0
/// Cross-origin rules of a site: what a browser is told about who may read its answers, and the answer to a browser
/// that asks before it sends (a preflight). Nothing is refused here: a client that does not keep to what it is told is
/// no browser.
///
/// Threads: immutable. Source: Fetch standard, "CORS protocol"; keys and defaults from data-plane facts 5.5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "web/exchange.hpp"

namespace weft::builtins::http_server {

/// Empty lists mean any.
struct CorsSettings {
  std::vector<std::string> origins;  ///< "https://example.org", in lower case
  std::vector<std::string> headers = {"accept", "accept-language", "content-type", "content-language"};
  std::vector<std::string> methods = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"};
  std::vector<std::string> exposed;
  std::uint64_t max_age_seconds = 300;
};

class Cors {
 public:
  explicit Cors(const CorsSettings& settings);

  /// An OPTIONS request that names an origin and the method to come. Other OPTIONS requests are the component's.
  [[nodiscard]] static bool is_preflight(const web::RequestHead& request) noexcept;
  [[nodiscard]] std::vector<web::Header> preflight_answer(const web::RequestHead& request) const;
  /// Adds what belongs to every answer; takes out what the component says about the same.
  void decorate(const web::RequestHead& request, std::vector<web::Header>& headers) const;

 private:
  void add_origin(const web::RequestHead& request, std::vector<web::Header>& headers) const;

  std::vector<std::string> origins_;
  std::string headers_, methods_, exposed_, max_age_;  ///< as they are sent
};

/// The first header of that name (lower case), or null.
[[nodiscard]] const std::string_view* find_header(const web::RequestHead& request, std::string_view name) noexcept;

}  // namespace weft::builtins::http_server
