// SPDX-License-Identifier: Apache-2.0
/// A foreign client of a lattice for these tests: it sends and sees messages as they are on the wire, and reads and
/// writes the buckets by itself. Shares nothing with the host that is tested but the NATS server.
///
/// Ownership: a client owns its connection and thread; what listen() gives may outlive it. Threads: the test's own; a
/// Capture from any. Nothing here throws or fails a test, except waiting in vain.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::conformance {

inline constexpr std::chrono::seconds kPatience{30};

/// One message as it came.
struct Seen {
  std::string subject;
  std::string reply;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;

  [[nodiscard]] std::string header(std::string_view name) const;
};

/// What came on one subscription, in order.
class Capture {
 public:
  using Enough = std::function<bool(const std::vector<Seen>&)>;

  void add(Seen seen);
  [[nodiscard]] std::vector<Seen> now() const;
  [[nodiscard]] std::size_t size() const;
  /// All that came until there was enough; a failure of the test when there never is.
  std::vector<Seen> wait_until(const Enough& enough, std::string_view what) const;
  std::vector<Seen> wait_for(std::size_t count) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Seen> seen_;
};

class LatticeClient {
 public:
  /// Null: no connection.
  static std::unique_ptr<LatticeClient> connect(const std::string& url);
  ~LatticeClient();
  LatticeClient(const LatticeClient&) = delete;
  LatticeClient& operator=(const LatticeClient&) = delete;

  /// Nothing: nobody listens, or no answer in time.
  std::optional<Seen> request(const std::string& subject, const std::string& payload,
                              std::chrono::milliseconds timeout = kPatience);
  /// False: refused before it was sent.
  bool publish(const std::string& subject, const std::string& payload, const std::string& reply = {});
  std::string new_inbox();
  /// Done when the server knows of it.
  std::shared_ptr<Capture> listen(const std::string& pattern);
  void flush();

  std::optional<std::string> stored(const std::string& bucket, const std::string& key);
  bool store(const std::string& bucket, const std::string& key, const std::string& value);
  void erase(const std::string& bucket, const std::string& key);
  std::vector<std::string> keys(const std::string& bucket);

 private:
  struct State;
  explicit LatticeClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weft::conformance
