// SPDX-License-Identifier: Apache-2.0
/// Reads the text settings of http-server: keys without regard to case, values by type, all of it also as one JSON
/// object under `config_json`. The first fault is kept and what follows is skipped, so that a reader of settings is a
/// table of its keys. Faults name the key and never hold a value, which may be a secret.
///
/// Threads: a plain value. Errors: invalid_argument; unsupported (config_b64).
/// Source: data-plane facts 5.5 (precedence, names, the nested `cors` and `tls` of old configurations).
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builtins/provider.hpp"

namespace weft::builtins::http_server {

class ConfigReader {
 public:
  /// With `config_json`, settings that are not in it count as not given; but where and how to listen (kPlaces) is read
  /// from beside it too, because peers have it there.
  static Result<ConfigReader> create(const ConfigMap& config);

  [[nodiscard]] const std::string* find(std::string_view key) const;
  /// The first key that begins so, or null.
  [[nodiscard]] const std::string* find_prefix(std::string_view prefix) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& values() const noexcept { return values_; }

  // What is not given leaves `out` as it is.
  ConfigReader& text(std::string_view key, std::string& out);
  ConfigReader& flag(std::string_view key, bool& out);
  ConfigReader& number(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  ConfigReader& size(std::string_view key, std::size_t& out, std::size_t least);
  ConfigReader& milliseconds(std::string_view key, std::chrono::milliseconds& out, std::uint64_t least);
  /// A JSON array of strings.
  ConfigReader& texts(std::string_view key, std::vector<std::string>& out);

  /// For rules beyond the type: "key `path` must begin with a slash".
  ConfigReader& reject(std::string_view key, std::string_view fault);
  [[nodiscard]] Result<void> check() const;

 private:
  std::map<std::string, std::string, std::less<>> values_;  ///< keys in lower case
  std::string fault_;
};

}  // namespace weft::builtins::http_server
