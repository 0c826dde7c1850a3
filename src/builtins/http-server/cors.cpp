// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/cors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "web/framing.hpp"

namespace weft::builtins::http_server {
namespace {

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
constexpr std::string_view kExposeHeaders = "access-control-expose-headers";
constexpr std::string_view kVary = "origin, access-control-request-method, access-control-request-headers";

std::string list_or_any(const std::vector<std::string>& names) {
  return names.empty() ? "*" : fmt::format("{}", fmt::join(names, ","));
}

}  // namespace

const std::string_view* find_header(const web::RequestHead& request, std::string_view name) noexcept {
  for (const auto& header : request.headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

Cors::Cors(const CorsSettings& settings)
    : origins_(settings.origins),
      headers_(list_or_any(settings.headers)),
      methods_(list_or_any(settings.methods)),
      exposed_(list_or_any(settings.exposed)),
      max_age_(fmt::format("{}", settings.max_age_seconds)) {}

bool Cors::is_preflight(const web::RequestHead& request) noexcept {
  return request.method == "OPTIONS" && find_header(request, "origin") != nullptr &&
         find_header(request, "access-control-request-method") != nullptr;
}

void Cors::add_origin(const web::RequestHead& request, std::vector<web::Header>& headers) const {
  headers.push_back({"vary", std::string(kVary)});
  if (origins_.empty()) {
    headers.push_back({std::string(kAllowOrigin), "*"});
    return;
  }
  const auto* const origin = find_header(request, "origin");
  if (origin != nullptr && std::ranges::find(origins_, *origin) != origins_.end()) {
    headers.push_back({std::string(kAllowOrigin), std::string(*origin)});
  }
}

std::vector<web::Header> Cors::preflight_answer(const web::RequestHead& request) const {
  std::vector<web::Header> headers;
  add_origin(request, headers);
  headers.push_back({"access-control-allow-methods", methods_});
  headers.push_back({"access-control-allow-headers", headers_});
  headers.push_back({"access-control-max-age", max_age_});
  return headers;
}

void Cors::decorate(const web::RequestHead& request, std::vector<web::Header>& headers) const {
  // Browsers refuse an answer that says it twice.
  std::erase_if(headers, [](const web::Header& header) {
    return web::equals_ignoring_case(header.name, kAllowOrigin) ||
           web::equals_ignoring_case(header.name, kExposeHeaders);
  });
  add_origin(request, headers);
  headers.push_back({std::string(kExposeHeaders), exposed_});
}

}  // namespace weft::builtins::http_server
