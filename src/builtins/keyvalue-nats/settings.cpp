// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-nats/settings.hpp"

#include <algorithm>

#include "bus/key_value.hpp"

namespace weft::builtins::keyvalue_nats {

Result<Settings> Settings::parse(const ConfigMap& provider, const ConfigMap& link) {
  const auto config = nats::merge(provider, link);
  Settings settings;
  WEFT_TRY(settings.access, nats::parse_access(config, "cluster_uri", "nats://0.0.0.0:4222"));
  settings.bucket = nats::value_or(config, "bucket", {});
  if (settings.bucket.empty()) {
    return Error(Errc::invalid_argument, "the configuration names no bucket",
                 "give the key `bucket` to the link or to the provider", Blame::operator_);
  }
  WEFT_CHECK(bus::check_bucket_name(settings.bucket));
  std::string creates(nats::value_or(config, "enable_bucket_auto_create", "false"));
  std::ranges::transform(creates, creates.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  settings.creates_bucket = creates == "true";
  const auto watch = config.find("watch");
  if (watch == config.end()) {
    settings.watch.is_everything = true;
  } else {
    WEFT_TRY(settings.watch, keyvalue::WatchList::parse(watch->second));
  }
  return settings;
}

}  // namespace weft::builtins::keyvalue_nats
