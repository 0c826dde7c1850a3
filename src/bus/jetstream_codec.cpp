// SPDX-License-Identifier: Apache-2.0
#include "bus/jetstream_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

namespace weft::bus {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxBucketName = 200;
// More than any answer has: a peer does not decide how deep we nest.
constexpr std::size_t kMaxDepth = 16;

Error malformed(std::string_view what) {
  return {Errc::malformed, fmt::format("the JetStream server's answer is no {}", what), {}, Blame::peer};
}

std::optional<std::uint64_t> read_number(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  boost::system::error_code fault;
  const auto number = value->to_number<std::uint64_t>(fault);
  return fault ? std::nullopt : std::optional(number);
}

std::string read_text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object* find_object(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

// The numbers of nats-server's errors that mean something to us; the rest goes by its HTTP-like code.
Errc to_errc(std::uint64_t number, std::uint64_t code) {
  switch (number) {
    case 10'071:  // wrong last sequence
    case 10'164:  // the same, since 2.10
      return Errc::conflict;
    case 10'058:  // stream name already in use
    case 10'065:  // subjects overlap with an existing stream
      return Errc::already_exists;
    case 10'023:  // insufficient resources
    case 10'028:  // resource limits exceeded for account
    case 10'047:  // insufficient storage resources
    case 10'054:  // message size exceeds maximum allowed
    case 10'077:  // maximum bytes (or messages) exceeded
      return Errc::resource_exhausted;
    default:
      return code == 404 ? Errc::not_found : Errc::unavailable;
  }
}

Error to_error(const json::object& fault) {
  const auto number = read_number(fault, "err_code").value_or(0);
  const auto code = read_number(fault, "code").value_or(0);
  const bool is_off = number == 10'039 || number == 10'076;  // not enabled (for the account)
  return {to_errc(number, code), fmt::format("JetStream says: {} ({})", read_text(fault, "description"), number),
          is_off ? "start nats-server with -js, or enable JetStream for this account" : "", Blame::environment};
}

// The answer's object, unless it tells of an error.
Result<json::object> parse_answer(std::string_view text, std::string_view what) {
  boost::system::error_code fault;
  json::parse_options limits;
  limits.max_depth = kMaxDepth;
  auto value = json::parse(text, fault, {}, limits);
  if (fault || !value.is_object()) {
    return malformed(what);
  }
  auto object = std::move(value.as_object());
  if (const auto* error = find_object(object, "error")) {
    return to_error(*error);
  }
  return object;
}

// The tokens of a subject; more than kMaxTokens are none we know.
constexpr std::size_t kMaxTokens = 16;
std::size_t split(std::string_view subject, std::array<std::string_view, kMaxTokens>& tokens) {
  std::size_t count = 0;
  while (count < kMaxTokens) {
    const auto end = subject.find('.');
    tokens[count++] = subject.substr(0, end);
    if (end == subject.npos) {
      return count;
    }
    subject.remove_prefix(end + 1);
  }
  return 0;
}

}  // namespace

std::string jetstream_api(std::string_view domain) {
  return domain.empty() ? "$JS.API." : fmt::format("$JS.{}.API.", domain);
}

BucketSubjects::BucketSubjects(std::string bucket, const std::string& domain)
    : bucket_(std::move(bucket)),
      stream_("KV_" + bucket_),
      api_(jetstream_api(domain)),
      write_prefix_(domain.empty() ? std::string() : api_),
      prefix_("$KV." + bucket_ + '.') {}

std::string BucketSubjects::api(std::string_view verb) const { return fmt::format("{}{}.{}", api_, verb, stream_); }

std::string BucketSubjects::stored(std::string_view key) const { return prefix_ + std::string(key); }

std::string BucketSubjects::written(std::string_view key) const { return write_prefix_ + stored(key); }

std::string_view BucketSubjects::key_of(std::string_view subject) const {
  return subject.starts_with(prefix_) ? subject.substr(prefix_.size()) : std::string_view{};
}

Result<StreamInfo> decode_stream(std::string_view text) {
  WEFT_TRY(const auto answer, parse_answer(text, "stream"));
  const auto* config = find_object(answer, "config");
  const auto* state = find_object(answer, "state");
  const auto last = state == nullptr ? std::nullopt : read_number(*state, "last_seq");
  if (config == nullptr || !last) {
    return malformed("stream");
  }
  const auto* direct = config->if_contains("allow_direct");
  const auto compression = read_text(*config, "compression");
  return StreamInfo{.created = read_text(answer, "created"),
                    .last_revision = *last,
                    .allows_direct = direct != nullptr && direct->is_bool() && direct->get_bool(),
                    .is_compressed = !compression.empty() && compression != "none"};
}

Result<ConsumerInfo> decode_consumer(std::string_view text) {
  WEFT_TRY(const auto answer, parse_answer(text, "consumer"));
  ConsumerInfo info{.name = read_text(answer, "name"), .pending = 0};
  const auto pending = read_number(answer, "num_pending");
  if (info.name.empty() || !pending) {
    return malformed("consumer");
  }
  info.pending = *pending;
  return info;
}

Result<void> decode_done(std::string_view text) {
  WEFT_TRY(const auto answer, parse_answer(text, "confirmation"));
  const auto* success = answer.if_contains("success");
  if (success == nullptr || !success->is_bool() || !success->get_bool()) {
    return malformed("confirmation");
  }
  return {};
}

Result<std::uint64_t> decode_write(std::string_view text) {
  WEFT_TRY(const auto answer, parse_answer(text, "acknowledgement"));
  const auto revision = read_number(answer, "seq");
  if (!revision || *revision == 0) {
    return malformed("acknowledgement");
  }
  return *revision;
}

// $JS.ACK.stream.consumer.deliveries.revision.delivery.time.pending, or since domains
// $JS.ACK.domain.account.stream.consumer.deliveries.revision.delivery.time.pending[.token].
std::optional<DeliveryPosition> parse_position(std::string_view reply) {
  std::array<std::string_view, kMaxTokens> tokens;
  const auto count = split(reply, tokens);
  if ((count != 9 && count != 11 && count != 12) || tokens[0] != "$JS" || tokens[1] != "ACK") {
    return std::nullopt;
  }
  const std::size_t first = count == 9 ? 5 : 7;
  const auto revision = parse_number(tokens[first]);
  const auto delivery = parse_number(tokens[first + 1]);
  const auto pending = parse_number(tokens[first + 3]);
  if (!revision || !delivery || !pending) {
    return std::nullopt;
  }
  return DeliveryPosition{.revision = *revision, .delivery = *delivery, .pending = *pending};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

Operation operation_of(const Message& message) {
  if (const auto operation = message.header("KV-Operation"); operation == "DEL") {
    return Operation::erase;
  } else if (operation == "PURGE") {
    return Operation::purge;
  }
  // Servers from 2.11 on leave these where a limit of age removed a key.
  if (const auto reason = message.header("Nats-Marker-Reason"); !reason.empty()) {
    return reason == "Remove" ? Operation::erase : Operation::purge;
  }
  return Operation::put;
}

std::string encode_stream(const BucketSubjects& subjects) {
  const json::object config{{"name", subjects.stream()},
                            {"subjects", json::array{subjects.stored(">")}},
                            {"retention", "limits"},
                            {"max_consumers", -1},
                            {"max_msgs", -1},
                            {"max_bytes", -1},
                            {"max_age", 0},
                            {"max_msgs_per_subject", 1},
                            {"max_msg_size", -1},
                            {"storage", "file"},
                            {"discard", "new"},
                            {"num_replicas", 1},
                            {"allow_rollup_hdrs", true},
                            {"deny_delete", true},
                            {"deny_purge", false},
                            {"allow_direct", true}};
  return json::serialize(config);
}

std::string encode_consumer(const BucketSubjects& subjects, const ConsumerRequest& request) {
  json::object config{{"deliver_subject", request.deliver_to},
                      {"filter_subject", request.filter},
                      {"ack_policy", "none"},
                      {"max_deliver", 1},
                      {"replay_policy", "instant"},
                      {"num_replicas", 1},
                      {"mem_storage", true}};
  if (request.first_revision == 0) {
    config["deliver_policy"] = "last_per_subject";
  } else {
    config["deliver_policy"] = "by_start_sequence";
    config["opt_start_seq"] = request.first_revision;
  }
  if (request.heartbeat.count() > 0) {
    config["flow_control"] = true;
    config["idle_heartbeat"] = std::chrono::nanoseconds(request.heartbeat).count();
  }
  if (request.wanted == Wanted::headers) {
    config["headers_only"] = true;
  }
  const json::object body{{"stream_name", subjects.stream()}, {"config", std::move(config)}};
  return json::serialize(body);
}

Result<void> check_bucket(std::string_view name) {
  const auto is_ok = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kMaxBucketName || !std::ranges::all_of(name, is_ok)) {
    return Error(Errc::invalid_argument, fmt::format("`{}` is no name of a bucket", name.substr(0, kMaxBucketName)),
                 "letters, digits, '_' and '-'");
  }
  return {};
}

}  // namespace weft::bus
