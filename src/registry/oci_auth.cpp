// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_auth.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "wire/json.hpp"

namespace weft::registry {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kMaxChallenges = 8;
constexpr std::size_t kMaxParameters = 16;

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

/// Reads a header from its front.
class HeaderCursor {
 public:
  explicit HeaderCursor(std::string_view text) : rest_(text) {}

  void skip(std::string_view any) { rest_.remove_prefix(std::min(rest_.find_first_not_of(any), rest_.size())); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// In lower case; empty: there is none.
  std::string name() {
    std::string out;
    for (; !rest_.empty() && is_token_char(rest_.front()); rest_.remove_prefix(1)) out += to_lower(rest_.front());
    return out;
  }
  /// A token or a quoted text; nothing when a quote is not closed.
  std::optional<std::string> value() {
    std::string out;
    if (!accept('"')) {
      for (; !rest_.empty() && rest_.front() != ',' && rest_.front() != ' '; rest_.remove_prefix(1))
        out += rest_.front();
      return out;
    }
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return std::nullopt;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return accept('"') ? std::optional(out) : std::nullopt;
  }
  /// Whether a parameter and not another scheme comes.
  [[nodiscard]] bool is_parameter_next() const {
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    return end != rest_.begin() && end != rest_.end() && *end == '=';
  }

 private:
  std::string_view rest_;
};

}  // namespace

Credentials credentials_of(const wire::RegistryCredential& credential) {
  if (credential.username && credential.password) return BasicCredentials{*credential.username, *credential.password};
  if (credential.token && !credential.username && !credential.password) return BearerToken{*credential.token};
  return Anonymous{};
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  HeaderCursor cursor(header);
  while (challenges.size() < kMaxChallenges) {
    cursor.skip(" \t,");
    Challenge challenge;
    challenge.scheme = cursor.name();
    if (challenge.scheme.empty()) break;
    cursor.skip(" \t");
    while (cursor.is_parameter_next() && challenge.parameters.size() < kMaxParameters) {
      const auto name = cursor.name();
      cursor.accept('=');
      const auto value = cursor.value();
      if (!value) return challenges;
      challenge.parameters.emplace(name, *value);
      cursor.skip(" \t,");
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

std::string basic_authorization(const BasicCredentials& credentials) {
  return "Basic " + encode_base64(credentials.user + ":" + credentials.password);
}

Result<std::string> decode_token_answer(std::string_view json) {
  constexpr std::string_view what = "answer of the authorisation server";
  WEFT_TRY(const auto object, wire::parse_json_object(json, what));
  std::optional<std::string> token;
  std::optional<std::string> access_token;
  wire::MemberReader members(object);
  members.defaulted("token", token).defaulted("access_token", access_token);
  if (!members.fault().empty()) return wire::malformed_json(what, members.fault());
  auto found = token && !token->empty() ? *token : access_token.value_or("");
  // It becomes a header.
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
  if (found.empty() || !std::ranges::all_of(found, is_printable)) return wire::malformed_json(what, "has no token");
  return found;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = kBase64.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xFFFFU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> static_cast<unsigned>(held) & 0xFFU);
  }
  return text.size() % 4 == 1 ? std::nullopt : std::optional(out);
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) -> std::uint32_t {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U;
    };
    const auto group = byte(0) << 16U | byte(1) << 8U | byte(2);
    const auto count = std::min<std::size_t>(bytes.size() - at, 3);
    for (std::size_t i = 0; i < 4; ++i) out += i <= count ? kBase64[group >> (18U - 6U * i) & 63U] : '=';
  }
  return out;
}

}  // namespace weft::registry
