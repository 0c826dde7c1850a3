// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/options.hpp"

#include <charconv>

namespace weft::builtins::keyvalue {
namespace {

Error bad_value(std::string_view key, std::string_view value, std::string_view wanted) {
  return {Errc::invalid_argument, "the option " + std::string(key) + " cannot be '" + std::string(value) + "'",
          std::string(key) + " is " + std::string(wanted), Blame::operator_};
}

std::string_view find(const ConfigMap& config, const char* key) {
  const auto found = config.find(key);
  return found == config.end() ? std::string_view() : std::string_view(found->second);
}

Result<void> parse_limit(const ConfigMap& config, const char* key, std::uint64_t& limit) {
  const std::string_view text = find(config, key);
  if (text.empty()) return {};
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (fault != std::errc() || stop != text.data() + text.size() || limit == 0)
    return bad_value(key, text, "a number from 1");
  return {};
}

std::set<std::string, std::less<>> parse_list(std::string_view text) {
  std::set<std::string, std::less<>> names;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty()) names.emplace(name);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return names;
}

}  // namespace

Result<Options> Options::parse(const ConfigMap& config, const std::string& data_dir) {
  Options options;
  const std::string_view backend = find(config, "backend");
  if (backend == "sqlite") {
    options.backend = Backend::sqlite;
    options.path = find(config, "path");
    if (options.path.empty() && !data_dir.empty()) options.path = data_dir + "/keyvalue.sqlite";
    if (options.path.empty()) return bad_value("path", "", "the file to keep keys and values in");
  } else if (!backend.empty() && backend != "memory") {
    return bad_value("backend", backend, "memory or sqlite");
  }
  options.buckets = parse_list(find(config, "buckets"));
  WEFT_CHECK(parse_limit(config, "max_value_bytes", options.limits.max_value_bytes));
  WEFT_CHECK(parse_limit(config, "max_key_bytes", options.limits.max_key_bytes));
  WEFT_CHECK(parse_limit(config, "max_keys", options.limits.max_keys));
  WEFT_CHECK(parse_limit(config, "max_total_bytes", options.limits.max_total_bytes));
  return options;
}

Result<void> check_link(const ConfigMap& link_config) {
  const std::string_view access = find(link_config, "access");
  if (!access.empty() && access != "read_write" && access != "read_only") {
    return bad_value("access", access, "read_write or read_only");
  }
  const std::string_view isolation = find(link_config, "isolation");
  if (!isolation.empty() && isolation != "shared" && isolation != "source") {
    return bad_value("isolation", isolation, "shared or source");
  }
  return {};
}

Outcome<std::string> resolve_bucket(const Options& options, const CallInfo& call, std::string_view bucket,
                                    Access access) {
  if (!options.buckets.empty() && !options.buckets.contains(bucket)) return no_such_store();
  // The first byte and the length keep the two kinds of name apart, whatever a guest calls its bucket.
  std::string name = "s";
  if (!call.link_config.empty()) {
    if (access == Access::write && find(call.link_config, "access") == "read_only") return access_denied();
    if (find(call.link_config, "isolation") == "source") {
      name = "i" + std::to_string(call.source.size()) + ":";
      name += call.source;
    }
    name += find(call.link_config, "bucket_prefix");
  }
  name += bucket;
  return name;
}

}  // namespace weft::builtins::keyvalue
