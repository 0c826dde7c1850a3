// SPDX-License-Identifier: Apache-2.0
/// Says on the data plane that this member is there, listens who else is, and tells the shards which have fallen
/// silent, so that calls go around them: a machine that was cut off keeps its place in the server's queue groups until
/// the server notices, which takes minutes.
///
/// A member whose connection is closed is in no queue group any more. The server says so when it is asked, which
/// happens as soon as the member is overdue; calls that it had and had not accepted are then lost, and their callers
/// are told. Ownership: by the Endpoint. Threads: everything on the first shard. Source: weft's own
/// (docs/protocol/wrpc.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "bus/bus.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/host_table.hpp"

namespace weft::wrpc {

class Presence {
 public:
  /// Told of every change of who is silent; null: nobody.
  using OnSilent = std::function<void(std::shared_ptr<const HostSet>)>;
  /// Told that a process has ended, whatever it had.
  using OnGone = std::function<void()>;

  /// `endpoint` is that of the first shard; it is open for as long as this is.
  Presence(bus::Bus& bus, ShardEndpoint& endpoint, OnSilent on_silent, OnGone on_gone);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  Result<void> open();
  void close();

 private:
  class Question;

  void on_present(const bus::Message& message);
  void on_state(bus::BusState state);
  void arm();
  void on_timer();
  void announce(std::string_view what);
  void lose(std::string member, std::string_view how);
  void log(LogLevel level, std::string_view line) const;

  bus::Bus& bus_;
  ShardEndpoint& endpoint_;
  OnSilent on_silent_;
  OnGone on_gone_;
  std::string life_;  ///< names this process among those that have had its id
  HostTable table_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> is_open_ = std::make_shared<bool>(false);  ///< shared with the timer's work
  std::map<std::string, std::unique_ptr<Question>> asked_;         ///< of overdue members
  std::unique_ptr<bus::Subscription> members_;
  std::unique_ptr<bus::Subscription> state_;
};

}  // namespace weft::wrpc
