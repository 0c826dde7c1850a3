// SPDX-License-Identifier: Apache-2.0
/// A host's place on the data plane: for each shard one inbox that all its calls share, out and in, and their
/// deadlines. One wildcard subscription per shard, so no call costs a subscription.
///
/// Ownership: Endpoint by the node; borrows the bus and the shards. A Receiver is whoever owns a call; it leaves with
/// remove() before it dies, which it may do inside its own callback. Threads: open() and close() on the control side,
/// ShardEndpoint on its shard. A connection that is lost ends every call: on_lost(), once each; an inbox that is full
/// ends those calls whose messages it has dropped.
/// Source: data-plane facts 1.3, 1.4, 1.15.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#include <weft/log.hpp>

#include <boost/asio/steady_timer.hpp>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/bus.hpp"
#include "wrpc/backlog.hpp"
#include "wrpc/host_table.hpp"
#include "wrpc/outgoing_call.hpp"

namespace weft::wrpc {

class Presence;

struct EndpointConfig {
  std::string lattice;
  /// The id by which others know who this is, one token of a subject; empty: it is nobody's business.
  std::string member = {};
  LogSink log = {};                                  ///< who falls silent, and who is back
  std::chrono::milliseconds silence{2'500};          ///< of another member; after it, calls avoid it
  std::chrono::milliseconds accept_timeout{10'000};  ///< for somebody to take a call
  std::chrono::milliseconds params_timeout{30'000};  ///< for a caller to send all of its parameters
  std::chrono::milliseconds body_timeout{600'000};   ///< between two pieces of a body, if the request says nothing
  std::size_t max_value_bytes = 256UL << 20;         ///< of the parameters or results of one call
  BacklogLimits backlog = {};                        ///< of streams and bodies whose readers have not taken them yet
  std::chrono::milliseconds probe_interval{500};     ///< between looks whether who has accepted a call is there
  std::size_t max_incoming = 16'384;                 ///< calls that are served at once, for each shard
  std::size_t max_inbox = 65'536;                    ///< messages that have come and wait for their shard
};

/// Whose message, deadline or loss it is. Any of them may destroy it.
class Receiver {
 public:
  virtual void on_message(std::string_view channel, bus::Message message) = 0;
  virtual void on_deadline() = 0;
  /// Somebody of the lattice, perhaps who was sent a call, has fallen silent, or has ended for certain.
  enum class Loss : std::uint8_t { silent, gone };
  virtual void on_member_lost(Loss loss) { static_cast<void>(loss); }
  /// Time to see whether the other side is still there; only for who has asked for it.
  virtual void on_probe() {}
  virtual void on_lost(const Error& error) = 0;

 protected:
  ~Receiver() = default;
};

class ShardEndpoint final : public Port {
 public:
  using Clock = std::chrono::steady_clock;

  ShardEndpoint(bus::Bus& bus, async::Shard& shard, const EndpointConfig& config);
  ShardEndpoint(const ShardEndpoint&) = delete;
  ShardEndpoint& operator=(const ShardEndpoint&) = delete;

  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const EndpointConfig& config() const noexcept { return config_; }

  /// Messages to inbox(number) reach `receiver` until remove().
  std::uint64_t add(Receiver& receiver);
  void remove(std::uint64_t number) noexcept;
  [[nodiscard]] std::string inbox(std::uint64_t number) const;
  /// on_deadline() comes at `when` or a little later; max(): never. Replaces the one before.
  void set_deadline(std::uint64_t number, Clock::time_point when);

  /// Members that calls had better avoid; null: none.
  [[nodiscard]] const std::shared_ptr<const HostSet>& silent() const noexcept { return silent_; }

  /// on_probe() comes every probe_interval from now on.
  void probe(std::uint64_t number);

  /// unavailable while the server is away, before open() and after close(): nothing is buffered, so that what fails has
  /// not been sent.
  Result<void> publish(bus::Message message) override;
  [[nodiscard]] std::size_t max_payload() const noexcept override { return max_payload_; }
  [[nodiscard]] std::size_t size() const noexcept { return receivers_.size(); }
  [[nodiscard]] const std::shared_ptr<BacklogRoom>& backlog() const noexcept { return backlog_; }

 private:
  friend class Endpoint;
  struct Entry {
    Receiver* receiver = nullptr;
    Clock::time_point deadline = Clock::time_point::max();
  };
  /// Calls that messages were dropped of and that have not been told. Any thread.
  struct DroppedCalls {
    std::mutex mutex;
    std::set<std::uint64_t> numbers;
  };

  Result<void> open();
  void close();
  void on_message(bus::Message message);
  void on_state(bus::BusState state);
  void set_silent(std::shared_ptr<const HostSet> members);
  void tell_gone();
  template <class Tell>
  void tell_all(Tell tell);
  void lose_all(const Error& error);
  void lose_dropped();
  void arm();
  void on_timer();
  void arm_probe();
  void on_probe_timer();

  bus::Bus& bus_;
  async::Shard& shard_;
  const EndpointConfig& config_;
  std::shared_ptr<BacklogRoom> backlog_;
  std::string base_;
  std::size_t max_payload_ = std::size_t{1} << 20;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, Entry> receivers_;
  std::multimap<Clock::time_point, std::uint64_t> deadlines_;
  std::set<std::uint64_t> probed_;
  std::shared_ptr<const HostSet> silent_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer probe_timer_;
  Clock::time_point armed_ = Clock::time_point::max();
  /// Shared with the timer's work, which may be run when this has gone.
  std::shared_ptr<bool> is_open_ = std::make_shared<bool>(false);
  std::shared_ptr<DroppedCalls> dropped_ = std::make_shared<DroppedCalls>();  ///< shared with the inbox's bus
  std::unique_ptr<bus::Subscription> inbox_;
  std::unique_ptr<bus::Subscription> state_;
};

class Endpoint {
 public:
  Endpoint(bus::Bus& bus, async::ShardPool& shards, EndpointConfig config);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// Errors: the bus's.
  async::Task<void> open();
  /// Ends every call that is under way.
  async::Task<void> close();

  [[nodiscard]] const EndpointConfig& config() const noexcept { return config_; }
  [[nodiscard]] bus::Bus& bus() noexcept { return bus_; }
  [[nodiscard]] async::ShardPool& shards() noexcept { return shards_; }
  [[nodiscard]] ShardEndpoint& at(const async::Shard& shard) noexcept { return *per_shard_[shard.index()]; }

 private:
  bus::Bus& bus_;
  async::ShardPool& shards_;
  EndpointConfig config_;
  std::vector<std::unique_ptr<ShardEndpoint>> per_shard_;
  std::unique_ptr<Presence> presence_;  ///< on the first shard; null: without a member's id
};

/// Told once how the work of one shard ended.
using ShardDone = std::move_only_function<void(Result<void>)>;
/// Runs `work(index, done)` on every shard; done when all have told. The first error is given.
async::Task<void> on_every_shard(async::ShardPool& shards, std::function<void(std::size_t, ShardDone)> work);

}  // namespace weft::wrpc
