// SPDX-License-Identifier: Apache-2.0
/// What one link of keyvalue-nats stores into: a JetStream bucket over a line, opened at the first call and again when
/// it was lost.
///
/// Ownership: shared by the link and the calls under way; borrows nothing but its line's thread. Threads: the functions
/// that take a reply, any; the rest on the line. close() before the line is closed, not on it.
/// Errors are told to the guest as other(text), with what mends them; a server that does not answer, after 5 s. Limits:
/// a batch asks for kSideBySide keys at a time. Increments of one key that come while one is under way are added up and
/// written as one: each is answered with a number of its own, and writers elsewhere are met with compare-and-swap.
/// Source: data-plane facts 3.11, 5.6.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>
#include <weft/reply.hpp>

#include "builtins/byte_text.hpp"
#include "builtins/keyvalue-nats/settings.hpp"
#include "builtins/keyvalue/types.hpp"
#include "builtins/nats/lines.hpp"
#include "bus/key_value.hpp"

namespace weft::builtins::keyvalue_nats {

template <class T>
using Outcome = keyvalue::Outcome<T>;
using Bytes = ByteText;

class BucketStore : public std::enable_shared_from_this<BucketStore> {
 public:
  static constexpr std::size_t kSideBySide = 32;
  static constexpr int kAttempts = 20;  ///< of a compare-and-swap

  BucketStore(std::shared_ptr<nats::Line> line, Settings settings)
      : line_(std::move(line)), settings_(std::move(settings)) {}

  [[nodiscard]] const std::shared_ptr<nats::Line>& line() const noexcept { return line_; }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

  void get(Reply<Outcome<std::optional<Bytes>>> reply, std::string key);
  void set(Reply<Outcome<void>> reply, std::string key, std::string value);
  void erase(Reply<Outcome<void>> reply, std::string key);
  void exists(Reply<Outcome<bool>> reply, std::string key);
  void list_keys(Reply<Outcome<keyvalue::KeyPage>> reply, std::uint64_t skip);
  void increment(Reply<Outcome<std::uint64_t>> reply, std::string key, std::uint64_t delta);
  using Many = std::vector<std::optional<std::tuple<std::string, Bytes>>>;
  void get_many(Reply<Outcome<Many>> reply, std::vector<std::string> keys);
  void set_many(Reply<Outcome<void>> reply, std::vector<std::tuple<std::string, Bytes>> pairs);
  void erase_many(Reply<Outcome<void>> reply, std::vector<std::string> keys);

  /// The bucket, opened if it is not. Errors: not_found, unavailable, deadline_exceeded.
  async::Task<std::shared_ptr<bus::KeyValue>> open();
  /// Lets go of the bucket, before its line does.
  void close();

 private:
  struct Increment {
    Reply<Outcome<std::uint64_t>> reply;
    std::uint64_t delta;
  };
  using Increments = std::vector<Increment>;

  template <class T>
  using Work = std::move_only_function<async::Task<T>(std::shared_ptr<bus::KeyValue>)>;
  /// Runs `work` on the opened bucket and answers with what it gives.
  template <class T>
  void answer(Reply<Outcome<T>> reply, Work<T> work);
  template <class T>
  static async::Task<void> run(std::shared_ptr<BucketStore> self, Reply<Outcome<T>> reply, Work<T> work);
  /// For a bucket that may have gone: the next call opens it again, and says what is wrong with it.
  boost::asio::awaitable<Error> examine(Error error);
  [[nodiscard]] static std::unexpected<keyvalue::StoreError> told(const Error& error);

  static async::Task<void> count(std::shared_ptr<BucketStore> self, Increment first, std::string key);
  async::Task<void> count_once(std::string key, Increments* increments);
  /// Answers those that would overflow, and gives the sum of the rest on top of `number`.
  static std::uint64_t add_up(Increments& increments, std::uint64_t number);

  const std::shared_ptr<nats::Line> line_;
  const Settings settings_;
  // The line's.
  std::shared_ptr<bus::KeyValue> bucket_;
  std::map<std::string, Increments, std::less<>> counting_;  ///< what waits, by keys that are being counted
};

}  // namespace weft::builtins::keyvalue_nats
