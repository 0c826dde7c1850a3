// SPDX-License-Identifier: Apache-2.0
/// What NATS's object stores are made of: the names of a bucket's stream and subjects, and the JSON that stands for an
/// object. Pure: no sockets.
///
/// Errors of the decoder: malformed. Limits: kMaxObjectName bytes of a name, so that its subject is one;
/// kMaxInfoBytes of JSON. Source: NATS ADR-20; nats-py 2.16 and nats-server 2.9.10 and 2.11.3 tried.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::builtins::blobstore_nats {

inline constexpr std::size_t kMaxObjectName = 1024;
inline constexpr std::size_t kMaxInfoBytes = std::size_t{1} << 20;
/// Of a chunk; less where the server takes less.
inline constexpr std::size_t kChunkBytes = std::size_t{128} << 10;

struct ObjectInfo {
  std::string name;
  std::string nuid = {};  ///< its chunks are stored under; empty: there are none
  std::uint64_t size = 0;
  std::uint64_t chunks = 0;
  std::string digest = {};  ///< "SHA-256=" and padded base64url; empty: none
  bool is_deleted = false;
  std::string link = {};  ///< "bucket" or "bucket/name", where it only stands for another
};
Result<ObjectInfo> decode_object_info(std::string_view json);
std::string encode_object_info(const ObjectInfo& info, std::string_view bucket, std::size_t chunk_bytes);

/// Of 32 bytes of SHA-256.
std::string digest_text(std::string_view hash);
/// The same digest, padded or not. Not if it is of another kind.
bool is_digest(std::string_view text, std::string_view hash);

/// Of a moment as the server writes it; 0 for what is none.
std::uint64_t unix_seconds(std::string_view time);

struct StreamSettings {
  bool is_in_memory = false;
  bool is_compressed = false;
  int replicas = 1;
  std::chrono::seconds max_age{0};  ///< 0: for ever
};

/// The names of one bucket.
class ObjectSubjects {
 public:
  /// invalid_argument unless the name is one of a bucket.
  static Result<ObjectSubjects> make(std::string bucket);

  [[nodiscard]] const std::string& bucket() const noexcept { return bucket_; }
  [[nodiscard]] std::string stream() const { return "OBJ_" + bucket_; }
  /// `nuid` as decode_object_info() lets through.
  [[nodiscard]] std::string chunks(std::string_view nuid) const;
  [[nodiscard]] std::string info(std::string_view name) const;
  [[nodiscard]] std::string all_infos() const { return "$O." + bucket_ + ".M.>"; }
  /// Of a subject that info() gave; nothing for others, and for names that are no UTF-8.
  [[nodiscard]] std::optional<std::string> name_of(std::string_view subject) const;
  /// The body that creates the stream.
  [[nodiscard]] std::string encode_stream(const StreamSettings& settings) const;

 private:
  explicit ObjectSubjects(std::string bucket) : bucket_(std::move(bucket)) {}

  std::string bucket_;
};

/// Bodies of requests.
std::string encode_next(std::string_view filter, std::uint64_t from);
std::string encode_last(std::string_view subject);
std::string encode_purge(std::string_view subject);

}  // namespace weft::builtins::blobstore_nats
