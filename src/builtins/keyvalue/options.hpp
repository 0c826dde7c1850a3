// SPDX-License-Identifier: Apache-2.0
/// What an operator may set of the keyvalue provider, and what that means for one call.
///
/// Of the provider: `backend` (memory, sqlite), `path` (of the SQLite file; else keyvalue.sqlite in its own folder),
/// `buckets` (a comma list: only these exist; default: any), `max_value_bytes`, `max_key_bytes`, `max_keys`,
/// `max_total_bytes`. Of a link: `access` (read_write, read_only), `isolation` (shared, source) and `bucket_prefix`.
/// Sources share buckets of one name, as with Redis, unless `isolation` is `source`: then nobody else can name theirs.
/// A prefix keeps links apart that do not mean to meet; it is no wall.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <weft/builtin.hpp>

#include "builtins/keyvalue/types.hpp"

namespace weft::builtins::keyvalue {

enum class Backend : std::uint8_t { memory, sqlite };
enum class Access : std::uint8_t { read, write };

struct Options {
  Backend backend = Backend::memory;
  std::string path;
  std::set<std::string, std::less<>> buckets;  ///< empty: any
  Limits limits;

  /// invalid_argument names the key.
  static Result<Options> parse(const ConfigMap& config, const std::string& data_dir);
};

/// invalid_argument for a link option that cannot be.
[[nodiscard]] Result<void> check_link(const ConfigMap& link_config);
/// The name under which a back-end keeps the bucket that a call means; or no-such-store, access-denied.
[[nodiscard]] Outcome<std::string> resolve_bucket(const Options& options, const CallInfo& call, std::string_view bucket,
                                                  Access access);

}  // namespace weft::builtins::keyvalue
