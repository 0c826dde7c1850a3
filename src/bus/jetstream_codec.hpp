// SPDX-License-Identifier: Apache-2.0
/// What the JetStream API says and is told, as far as buckets need it: JSON answers, the reply subjects of delivered
/// messages, the status messages of a push consumer. Pure: no sockets, no nats.c.
///
/// Errors of the decoders: malformed (not what the API sends); for an answer that is an error of the server: not_found,
/// conflict (not the expected revision), already_exists, resource_exhausted, unavailable.
/// Source: NATS ADR-8 (buckets) and ADR-15 (subjects of acknowledgements); error numbers of nats-server 2.9.10
/// (server/errors.json); control-plane facts 2.5 and 4.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "bus/key_value.hpp"
#include "bus/message.hpp"

namespace weft::bus {

/// Of a write: the revision that what it replaces must have; 0: there is none.
inline constexpr std::string_view kExpectedRevision = "Nats-Expected-Last-Subject-Sequence";

/// What the subjects of JetStream's requests begin with: "$JS.API." or "$JS.{domain}.API.". No domain: empty.
std::string jetstream_api(std::string_view domain);

/// The subjects of one bucket.
class BucketSubjects {
 public:
  BucketSubjects(std::string bucket, const std::string& domain);

  [[nodiscard]] const std::string& bucket() const noexcept { return bucket_; }
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  /// jetstream_api() with `verb`, and the stream.
  [[nodiscard]] std::string api(std::string_view verb) const;
  /// Where a key's value is stored, and what a consumer filters by.
  [[nodiscard]] std::string stored(std::string_view key) const;
  /// Where it is written to: a domain has its own.
  [[nodiscard]] std::string written(std::string_view key) const;
  /// The key of a stored subject; empty when it is not of this bucket.
  [[nodiscard]] std::string_view key_of(std::string_view subject) const;

 private:
  std::string bucket_;
  std::string stream_;
  std::string api_;
  std::string write_prefix_;
  std::string prefix_;
};

struct StreamInfo {
  std::string created;  ///< tells a stream from an earlier one of that name
  std::uint64_t last_revision = 0;
  bool allows_direct = false;
  bool is_compressed = false;
};
Result<StreamInfo> decode_stream(std::string_view json);

struct ConsumerInfo {
  std::string name;
  std::uint64_t pending = 0;
};
Result<ConsumerInfo> decode_consumer(std::string_view json);

/// What is answered to requests that only succeed or fail: a purge, a deletion.
Result<void> decode_done(std::string_view json);

/// The revision of an acknowledged write.
Result<std::uint64_t> decode_write(std::string_view json);

/// Where a delivered message stands, from its reply subject.
struct DeliveryPosition {
  std::uint64_t revision = 0;  ///< in the stream
  std::uint64_t delivery = 0;  ///< of this consumer, from 1
  std::uint64_t pending = 0;   ///< how many follow at the moment
};
std::optional<DeliveryPosition> parse_position(std::string_view reply);

/// A whole decimal number.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// What headers say of a stored value.
Operation operation_of(const Message& message);

/// The body that creates a bucket's stream with the defaults of facts 4.1.
std::string encode_stream(const BucketSubjects& subjects);

/// What a consumer is to deliver of each message.
enum class Wanted : std::uint8_t { all, headers };

struct ConsumerRequest {
  std::string deliver_to;
  std::string filter;
  std::uint64_t first_revision = 0;        ///< 0: the last value of each key, then what follows
  std::chrono::milliseconds heartbeat{0};  ///< 0: none, and no flow control
  Wanted wanted = Wanted::all;
};
/// The body that makes an ephemeral push consumer, which the server forgets when nobody listens.
std::string encode_consumer(const BucketSubjects& subjects, const ConsumerRequest& request);

/// invalid_argument unless `name` is one of a bucket.
Result<void> check_bucket(std::string_view name);

}  // namespace weft::bus
