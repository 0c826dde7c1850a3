// SPDX-License-Identifier: Apache-2.0
#include "registry/docker_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "registry/file.hpp"
#include "wire/base64.hpp"
#include "wire/json.hpp"

namespace weft::registry {
namespace {

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} * 1024 * 1024;
constexpr std::string_view kWhat = "docker configuration";

Result<Credentials> decode_login(const boost::json::object& object) {
  std::string auth, username, password, identity, registry_token;
  wire::MemberReader members(object);
  members.defaulted("auth", auth)
      .defaulted("username", username)
      .defaulted("password", password)
      .defaulted("identitytoken", identity)
      .defaulted("registrytoken", registry_token);
  if (!members.fault().empty()) return wire::malformed_json(kWhat, members.fault());
  if (!registry_token.empty()) return Credentials(BearerToken{registry_token});
  if (!identity.empty()) return Credentials(IdentityToken{identity});
  if (!auth.empty()) {
    // With padding or without.
    const auto digits = std::string_view(auth).substr(0, auth.find_last_not_of('=') + 1);
    const auto decoded = wire::from_base64(digits, wire::Base64::standard_unpadded);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) return wire::malformed_json(kWhat, "an `auth` is not user and password in base64");
    username = decoded->substr(0, colon);
    password = decoded->substr(colon + 1);
    // Older versions of docker fill it up with zeros.
    password.resize(password.find_last_not_of('\0') + 1);
  }
  if (username.empty()) return Credentials(Anonymous{});
  return Credentials(BasicCredentials{username, password});
}

}  // namespace

std::string registry_of_login(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  std::string host(key.substr(0, key.find('/')));
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

Result<RegistryLogins> decode_docker_config(std::string_view json) {
  WEFT_TRY(const auto object, wire::parse_json_object(json, kWhat));
  RegistryLogins logins;
  const auto* const auths = object.if_contains("auths");
  if (auths == nullptr || auths->is_null()) return logins;
  if (!auths->is_object()) return wire::malformed_json(kWhat, "member `auths` must be an object");
  for (const auto& [key, value] : auths->get_object()) {
    if (!value.is_object()) return wire::malformed_json(kWhat, "a member of `auths` must be an object");
    WEFT_TRY(auto credentials, decode_login(value.get_object()));
    // With a credential helper the entry is there and empty.
    if (std::holds_alternative<Anonymous>(credentials)) continue;
    logins.insert_or_assign(registry_of_login({key.data(), key.size()}), std::move(credentials));
  }
  return logins;
}

Result<RegistryLogins> read_docker_config(const std::string& path) {
  auto text = read_file(path, kMaxConfigBytes);
  if (!text && text.error().code() == Errc::not_found) return RegistryLogins{};
  if (!text) return std::move(text).error();
  auto logins = decode_docker_config(*text);
  if (logins) return logins;
  return Error(logins.error().code(), fmt::format("{}: {}", path, logins.error().message()), {}, Blame::operator_);
}

}  // namespace weft::registry
