// SPDX-License-Identifier: Apache-2.0
/// Publishes the lattice events of one host. Threads: the control shard. Source: control-plane facts 5.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "bus/bus.hpp"
#include "wire/event.hpp"

namespace weft::lattice {

/// What an event needs of the world; tests give their own.
struct EventStamp {
  std::function<std::string()> id;    ///< UUID text, sorted by time
  std::function<std::string()> time;  ///< RFC 3339
};

class EventPublisher {
 public:
  EventPublisher(bus::Bus& bus, std::string lattice, std::string host_id, EventStamp stamp);

  /// `data` is a JSON object. An event that cannot be published (no connection, buffer full) is lost, as in 1.9; the
  /// heartbeat repairs what listeners believe.
  void publish(std::string_view name, std::string data);

 private:
  bus::Bus& bus_;
  std::string lattice_;
  std::string host_id_;
  EventStamp stamp_;
};

}  // namespace weft::lattice
