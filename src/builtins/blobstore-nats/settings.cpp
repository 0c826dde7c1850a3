// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-nats/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "bus/jetstream_codec.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

constexpr std::uint64_t kMostReplicas = 5;
/// 100 years: as nanoseconds it is still a number that NATS takes.
constexpr std::uint64_t kLongestAge = 3'155'760'000;
constexpr std::uint64_t kLongestWait = 3'600;

Error refused(std::string_view key, std::string_view value, std::string_view hint) {
  return {Errc::invalid_argument, "the configuration's " + std::string(key) + " is \"" + std::string(value) + "\"",
          std::string(hint), Blame::operator_};
}

Result<std::uint64_t> number(const ConfigMap& config, std::string_view key, std::uint64_t fallback, std::uint64_t least,
                             std::uint64_t most) {
  const auto text = nats::value_or(config, key, {});
  if (text.empty()) return fallback;
  const auto value = bus::parse_number(text);
  if (!value || *value < least || *value > most) {
    return refused(key, text, "it is a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *value;
}

}  // namespace

Result<Settings> Settings::parse(const ConfigMap& provider, const ConfigMap& link) {
  const auto config = nats::merge(provider, link);
  Settings settings;
  WEFT_TRY(settings.access, nats::parse_access(config, "cluster_uri", "nats://0.0.0.0:4222"));
  WEFT_TRY(const auto wait, number(config, "max_write_wait", 30, 1, kLongestWait));
  settings.write_wait = std::chrono::seconds(wait);
  const auto storage = nats::value_or(config, "storage_type", "file");
  settings.stream.is_in_memory = storage == "memory" || storage == "1";
  if (!settings.stream.is_in_memory && storage != "file" && storage != "0") {
    return refused("storage_type", storage, "it is `file` or `memory`");
  }
  WEFT_TRY(const auto replicas, number(config, "num_replicas", 1, 1, kMostReplicas));
  settings.stream.replicas = static_cast<int>(replicas);
  const auto compression = nats::value_or(config, "compression", "false");
  settings.stream.is_compressed = compression == "true";
  if (!settings.stream.is_compressed && compression != "false") {
    return refused("compression", compression, "it is `true` or `false`");
  }
  WEFT_TRY(const auto age, number(config, "max_age", 0, 0, kLongestAge));
  settings.stream.max_age = std::chrono::seconds(age);
  return settings;
}

}  // namespace weft::builtins::blobstore_nats
