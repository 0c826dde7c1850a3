// SPDX-License-Identifier: Apache-2.0
#include "builtins/messaging-nats/settings.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "bus/bus.hpp"

namespace weft::builtins::messaging_nats {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxMessages = 1'000;

Error refused(std::string message) {
  return {Errc::invalid_argument, std::move(message),
          R"(it looks like [{"stream":"S","consumer":"C","max_messages":10,"max_bytes":65536}], the last two optional)",
          Blame::operator_};
}

Result<SubjectSetting> parse_subject(const std::string& entry) {
  const auto bar = entry.find('|');
  SubjectSetting setting{.subject = entry.substr(0, bar),
                         .queue_group = bar == std::string::npos ? std::string() : entry.substr(bar + 1)};
  WEFT_CHECK(bus::check_pattern(setting.subject));
  if (!setting.queue_group.empty()) WEFT_CHECK(bus::check_queue_group(setting.queue_group));
  return setting;
}

/// A token of a subject, which names of streams and consumers become.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '.' || c == '*' || c == '>' || c == 0x7f;
  });
}

Result<std::string> read_name(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_string() || !is_name(value->get_string())) {
    return refused("consumers has an entry whose " + std::string(key) + " is no name");
  }
  return std::string(value->get_string());
}

Result<std::size_t> read_count(const json::object& object, std::string_view key, std::size_t fallback) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_int64() || value->get_int64() <= 0) {
    return refused("consumers has an entry whose " + std::string(key) + " is no count");
  }
  return static_cast<std::size_t>(value->get_int64());
}

Result<std::vector<ConsumerSetting>> parse_consumers(std::string_view text) {
  boost::system::error_code fault;
  const auto value = json::parse(text, fault);
  if (fault || !value.is_array()) return refused("consumers is no JSON array");
  std::vector<ConsumerSetting> consumers;
  for (const auto& entry : value.get_array()) {
    if (!entry.is_object()) return refused("consumers has an entry that is no object");
    ConsumerSetting consumer;
    WEFT_TRY(consumer.stream, read_name(entry.get_object(), "stream"));
    WEFT_TRY(consumer.consumer, read_name(entry.get_object(), "consumer"));
    WEFT_TRY(consumer.max_messages, read_count(entry.get_object(), "max_messages", consumer.max_messages));
    WEFT_TRY(consumer.max_bytes, read_count(entry.get_object(), "max_bytes", 0));
    consumer.max_messages = std::min(consumer.max_messages, kMaxMessages);
    consumers.push_back(std::move(consumer));
  }
  return consumers;
}

}  // namespace

Result<Settings> Settings::parse(const ConfigMap& provider, const ConfigMap& link) {
  const auto config = nats::merge(provider, link);
  Settings settings;
  WEFT_TRY(settings.access, nats::parse_access(config, "cluster_uris", "0.0.0.0:4222"));
  for (const auto& entry : nats::split_list(nats::value_or(config, "subscriptions", {}))) {
    auto subject = parse_subject(entry);
    if (!subject) return std::move(subject).error().in("read subscriptions");
    settings.subscriptions.push_back(*std::move(subject));
  }
  if (const auto text = nats::value_or(config, "consumers", {}); !text.empty()) {
    WEFT_TRY(settings.consumers, parse_consumers(text));
  }
  return settings;
}

}  // namespace weft::builtins::messaging_nats
