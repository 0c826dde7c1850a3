// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_options.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>

namespace weft::bus {
namespace {

// A file of this kind has two lines that matter; what is larger is something else.
constexpr std::size_t kMaxCredentialsFile = std::size_t{64} << 10;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool is_marker(std::string_view line, std::string_view word, std::string_view name) {
  return line.starts_with("---") && line.ends_with("---") && line.find(word) != std::string_view::npos &&
         line.find(name) != std::string_view::npos;
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  /// The next line that is not blank.
  std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      const auto line = trim(rest_.substr(0, end));
      rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
      if (!line.empty()) {
        return line;
      }
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

// The single line between the two markers of that name.
std::optional<std::string_view> find_block(std::string_view text, std::string_view name) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    if (is_marker(*line, "BEGIN", name)) {
      const auto value = lines.next();
      const auto end = lines.next();
      return value && end && is_marker(*end, "END", name) ? value : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

NatsOptions nats_options(const NatsConfig& config) {
  NatsOptions options;
  options.urls = config.urls;
  if (!config.credentials_file.empty()) {
    options.credentials = CredentialsFile{config.credentials_file};
  } else if (!config.user_jwt.empty()) {
    options.credentials = UserJwt{config.user_jwt, config.user_seed};
  }
  options.tls = {.require = config.require_tls,
                 .ca_file = config.ca_file,
                 .certificate_file = config.certificate_file,
                 .key_file = config.key_file};
  options.jetstream_domain = config.jetstream_domain;
  return options;
}

Result<UserJwt> parse_credentials(std::string_view text) {
  const auto jwt = find_block(text, "NATS USER JWT");
  const auto seed = find_block(text, "USER NKEY SEED");
  if (!jwt || !seed) {
    return Error(Errc::invalid_argument, fmt::format("the credentials have no {}", jwt ? "seed" : "user JWT"),
                 "a credentials file has both between its BEGIN and END lines; make one with `nsc generate creds`",
                 Blame::operator_);
  }
  return UserJwt{.jwt = std::string(*jwt), .seed = std::string(*seed)};
}

Result<UserJwt> read_credentials_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxCredentialsFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty()) {
    return Error(Errc::io, fmt::format("cannot read the credentials file {}", path.string()),
                 "check that it exists and that this user may read it", Blame::operator_);
  }
  auto credentials = parse_credentials(text);
  if (!credentials) {
    return std::move(credentials).error().in(fmt::format("reading {}", path.string()));
  }
  return credentials;
}

std::string without_credentials(std::string_view url) {
  const auto scheme_end = url.find("://");
  const auto host = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  // The last '@', wherever: a password may hold one, and a '/'.
  const auto at = url.rfind('@');
  const auto from = at == std::string_view::npos || at < host ? host : at + 1;
  return std::string(url.substr(0, host)) + std::string(url.substr(from));
}

}  // namespace weft::bus
