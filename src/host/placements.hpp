// SPDX-License-Identifier: Apache-2.0
/// What this host has been told to run, kept so that a restarted host serves again by itself: for every component and
/// provider the command that last applied, as it came over the wire.
///
/// Private to one host: its bucket is the host's own SQLite file, or memory where it has no data folder. Ownership: by
/// the host; borrows the bucket. Threads: the control shard. Errors: the bucket's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "bus/key_value.hpp"
#include "wire/control.hpp"

namespace weft::host {

class Placements {
 public:
  /// Stands for one accepted command; a later one for the same id makes it stale.
  using Ticket = std::uint64_t;

  explicit Placements(std::shared_ptr<bus::KeyValue> bucket);

  struct Content {
    std::vector<wire::ScaleComponent> components;
    std::vector<wire::StartProvider> providers;
    std::vector<std::string> unreadable;  ///< keys whose value does not decode; they stay as they are
  };
  async::Task<Content> load();

  /// Durable when done. A count of 0 removes the placement.
  async::Task<Ticket> put(wire::ScaleComponent command);
  async::Task<Ticket> put(wire::StartProvider command);
  async::Task<Ticket> remove_provider(std::string id);
  /// Takes a command back that could not be carried out, unless a later one has come.
  async::Task<void> withdraw_component(std::string id, Ticket ticket);
  async::Task<void> withdraw_provider(std::string id, Ticket ticket);

 private:
  async::Task<Ticket> write(std::string key, std::string value);
  async::Task<void> withdraw(std::string key, Ticket ticket);

  std::shared_ptr<bus::KeyValue> bucket_;
  Ticket last_ticket_ = 0;
  std::map<std::string, Ticket> tickets_;  ///< of the last command of each key
};

}  // namespace weft::host
