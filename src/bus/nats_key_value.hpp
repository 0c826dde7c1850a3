// SPDX-License-Identifier: Apache-2.0
/// A bucket of JetStream: the stream KV_{bucket}, whose subjects are the keys.
///
/// Speaks to the JetStream API by messages and not through nats.c's kvStore: that blocks a thread for every call, has
/// no cancellation, creates the bucket with other defaults than facts 4.1 asks for (no allow_direct), and its watch
/// neither tells that it has all there is after an outage nor notices that the stream was lost. By messages every call
/// is one request on the connection's inbox, from any shard, with a deadline.
///
/// Shares the connection; must be gone before the bus. Threads: any.
/// A stream that is lost while the bucket is open is created anew by the next write or by a watch, unless the bucket is
/// somebody else's (IfMissing::fail). get() asks the
/// stream directly, which any of its replicas may answer: a value written just before through another connection may
/// not be there yet when the stream has several. Source: NATS ADR-8; control-plane facts 2.5 and 4.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bus/jetstream_codec.hpp"
#include "bus/key_value.hpp"
#include "bus/nats_connection.hpp"

namespace weft::bus {

/// What is done about a stream that is not there.
enum class IfMissing : std::uint8_t { create, fail };

class NatsKeyValue final : public KeyValue {
 public:
  static async::Task<std::shared_ptr<KeyValue>> open(std::shared_ptr<NatsConnection> connection, std::string name,
                                                     IfMissing if_missing);

  [[nodiscard]] const std::string& name() const noexcept override { return subjects_.bucket(); }
  async::Task<std::optional<Entry>> get(std::string key) override;
  async::Task<std::vector<Entry>> list() override;
  async::Task<std::vector<std::string>> keys() override;
  async::Task<std::uint64_t> put(std::string key, std::string value) override;
  async::Task<std::uint64_t> create(std::string key, std::string value) override;
  async::Task<std::uint64_t> update(std::string key, std::string value, std::uint64_t expected) override;
  async::Task<void> erase(std::string key) override;
  async::Task<void> purge(std::string key) override;
  Result<std::unique_ptr<Subscription>> watch(async::Shard& shard, BucketWatcher& watcher) override;

 private:
  NatsKeyValue(std::shared_ptr<NatsConnection> connection, BucketSubjects subjects, IfMissing if_missing)
      : connection_(std::move(connection)), subjects_(std::move(subjects)), if_missing_(if_missing) {}

  async::Task<Message> call(std::string subject, std::string body);
  async::Task<StreamInfo> ensure();
  async::Task<std::uint64_t> write(std::string key, std::string value, std::vector<MessageHeader> headers);
  /// The newest message of the key, a marker included.
  async::Task<std::optional<Entry>> newest(std::string key);
  /// The newest message of every key under the filter, through a consumer of its own.
  async::Task<std::vector<Entry>> collect(std::string filter, Wanted wanted);
  /// Of every present key, by key.
  async::Task<std::vector<Entry>> present(Wanted wanted);

  std::shared_ptr<NatsConnection> connection_;
  BucketSubjects subjects_;
  IfMissing if_missing_;
  bool allows_direct_ = false;
};

/// The bucket's stream is not there and is not to be made.
Error no_bucket(const std::string& bucket);
/// What a call of the JetStream API met when nobody answered it.
Error jetstream_error(Error error, const NatsConnection& connection);

}  // namespace weft::bus
