// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_failure.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "wire/json.hpp"

namespace weft::registry {
namespace {

constexpr std::size_t kMaxWords = 200;

Errc code_of(long status) {
  if (status == 401 || status == 403) return Errc::permission_denied;
  if (status == 404) return Errc::not_found;
  if (status == 429 || status >= 500) return Errc::unavailable;
  return Errc::refused;
}

std::string hint_for(const OciRequest& request, long status) {
  if (status == 401 || status == 403) {
    return request.is_anonymous ? "give user and password for this registry"
                                : "check user and password, and what they may do";
  }
  if (status == 404) return "check registry, repository and tag";
  return {};
}

}  // namespace

std::string failure_words(std::string_view body) {
  const auto object = wire::parse_json_object(body, "error");
  if (!object) return {};
  const auto* const errors = object.operator*().if_contains("errors");
  if (errors == nullptr || !errors->is_array() || errors->get_array().empty()) return {};
  const auto& first = errors->get_array().front();
  if (!first.is_object()) return {};
  std::string code;
  std::string message;
  wire::MemberReader members(first.get_object());
  members.defaulted("code", code).defaulted("message", message);
  auto words = fmt::format("{}{}{}", code, message.empty() ? "" : ": ", message).substr(0, kMaxWords);
  std::ranges::replace_if(words, [](char c) { return c < ' ' || c == 0x7f; }, '?');
  return words;
}

Error oci_failure(const OciRequest& request, const HttpAnswer& answer) {
  const auto status = answer.head.status;
  const auto words = failure_words(answer.body);
  return {code_of(status),
          fmt::format("cannot {} in {}/{}: the registry answers {}{}{}", request.doing, request.host,
                      request.repository, status, words.empty() ? "" : ", ", words),
          hint_for(request, status), Blame::peer};
}

}  // namespace weft::registry
