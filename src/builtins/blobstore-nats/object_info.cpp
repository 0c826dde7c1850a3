// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-nats/object_info.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>
#include <weft/value_reader.hpp>

#include "bus/jetstream_codec.hpp"
#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/time_text.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

namespace json = boost::json;
using wire::to_json;

constexpr std::string_view kWhat = "object's information";
constexpr std::string_view kDigest = "SHA-256=";
constexpr std::size_t kMaxNuid = 64;

/// It becomes a token of a subject: never one that stands for several.
bool is_nuid(std::string_view text) {
  return text.size() <= kMaxNuid && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

/// "bucket/name", if the options hold a link.
std::string read_link(const json::object& object) {
  const auto* const options = object.if_contains("options");
  const auto* const inner = options == nullptr ? nullptr : options->if_object();
  const auto* const link = inner == nullptr ? nullptr : inner->if_contains("link");
  if (link == nullptr || !link->is_object()) return {};
  const auto text = [link](std::string_view name) {
    const auto* const value = link->get_object().if_contains(to_json(name));
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  const auto name = text("name");
  return text("bucket") + (name.empty() ? "" : "/" + name);
}

}  // namespace

Result<ObjectInfo> decode_object_info(std::string_view text) {
  if (text.size() > kMaxInfoBytes) return wire::malformed_json(kWhat, "it is too long");
  WEFT_TRY(const auto object, wire::parse_json_object(text, kWhat));
  ObjectInfo info;
  std::optional<std::string> digest;
  std::optional<bool> is_deleted;
  wire::MemberReader members(object);
  members.required("name", info.name)
      .defaulted("nuid", info.nuid)
      .defaulted("size", info.size)
      .defaulted("chunks", info.chunks)
      .defaulted("digest", digest)
      .defaulted("deleted", is_deleted);
  if (!members.fault().empty()) return wire::malformed_json(kWhat, members.fault());
  info.digest = digest.value_or("");
  info.is_deleted = is_deleted.value_or(false);
  info.link = read_link(object);
  if (!is_nuid(info.nuid)) return wire::malformed_json(kWhat, "member `nuid` is none");
  if (info.nuid.empty() && info.chunks > 0) return wire::malformed_json(kWhat, "its chunks have no `nuid`");
  return info;
}

std::string encode_object_info(const ObjectInfo& info, std::string_view bucket, std::size_t chunk_bytes) {
  json::object object{{"name", to_json(info.name)}, {"options", json::object{{"max_chunk_size", chunk_bytes}}},
                      {"bucket", to_json(bucket)},  {"nuid", to_json(info.nuid)},
                      {"size", info.size},          {"chunks", info.chunks}};
  if (!info.digest.empty()) object["digest"] = to_json(info.digest);
  if (info.is_deleted) object["deleted"] = true;
  return wire::json_text(object);
}

std::string digest_text(std::string_view hash) {
  return std::string(kDigest) + wire::to_base64(hash, wire::Base64::url);
}

bool is_digest(std::string_view text, std::string_view hash) {
  const auto bare = [](std::string_view digest) { return digest.substr(0, digest.find_last_not_of('=') + 1); };
  return bare(text) == bare(digest_text(hash));
}

std::uint64_t unix_seconds(std::string_view time) {
  const auto moment = wire::parse_time(time);
  return moment ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, moment->time_since_epoch().count())) : 0;
}

Result<ObjectSubjects> ObjectSubjects::make(std::string bucket) {
  WEFT_CHECK(bus::check_bucket(bucket));
  return ObjectSubjects(std::move(bucket));
}

std::string ObjectSubjects::chunks(std::string_view nuid) const { return "$O." + bucket_ + ".C." + std::string(nuid); }

std::string ObjectSubjects::info(std::string_view name) const {
  return "$O." + bucket_ + ".M." + wire::to_base64(name, wire::Base64::url);
}

std::optional<std::string> ObjectSubjects::name_of(std::string_view subject) const {
  const auto prefix = "$O." + bucket_ + ".M.";
  if (!subject.starts_with(prefix)) return std::nullopt;
  auto name = wire::from_base64(subject.substr(prefix.size()), wire::Base64::url);
  if (!name || name->empty() || utf8_prefix(*name) != name->size()) return std::nullopt;
  return name;
}

std::string ObjectSubjects::encode_stream(const StreamSettings& settings) const {
  json::object config{{"name", stream()},
                      {"subjects", json::array{"$O." + bucket_ + ".C.>", all_infos()}},
                      {"retention", "limits"},
                      {"max_consumers", -1},
                      {"max_msgs", -1},
                      {"max_bytes", -1},
                      {"max_age", std::chrono::nanoseconds(settings.max_age).count()},
                      {"max_msgs_per_subject", -1},
                      {"max_msg_size", -1},
                      {"storage", settings.is_in_memory ? "memory" : "file"},
                      {"discard", "new"},
                      {"num_replicas", settings.replicas},
                      {"allow_rollup_hdrs", true},
                      {"deny_delete", false},
                      {"deny_purge", false},
                      {"allow_direct", true}};
  if (settings.is_compressed) config["compression"] = "s2";
  return json::serialize(config);
}

std::string encode_next(std::string_view filter, std::uint64_t from) {
  return json::serialize(json::object{{"seq", from}, {"next_by_subj", to_json(filter)}});
}

std::string encode_last(std::string_view subject) {
  return json::serialize(json::object{{"last_by_subj", to_json(subject)}});
}

std::string encode_purge(std::string_view subject) {
  return json::serialize(json::object{{"filter", to_json(subject)}});
}

}  // namespace weft::builtins::blobstore_nats
