// SPDX-License-Identifier: Apache-2.0
/// What this host has been told to run, kept so that a restarted host serves again by itself: for every component and
/// provider the command that was accepted last, as it came over the wire. A command is kept before it is acknowledged;
/// once it has been carried out, or could not be, settle_component() keeps what came of it.
///
/// Private to one host: its bucket is the host's own SQLite file, or memory where it has no data folder. Ownership: by
/// the host; borrows the bucket. Threads: the control shard. Errors: the bucket's.
#pragma once

#include <map>
#include <memory>
#include <optional>
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
  async::Task<Ticket> put(const wire::StartProvider& command);
  async::Task<Ticket> remove_provider(std::string id);
  /// The command that was put last for a component and is not settled yet; null: there is none.
  [[nodiscard]] const wire::ScaleComponent* pending(const std::string& id) const;
  /// What runs after the command of that ticket; nothing: it does not run. Changes nothing if a later one has come.
  async::Task<void> settle_component(std::string id, Ticket ticket, std::optional<wire::ScaleComponent> now);
  /// Takes a command back that could not be carried out, unless a later one has come.
  async::Task<void> withdraw_provider(std::string id, Ticket ticket);

 private:
  struct Last {
    Ticket ticket = 0;
    std::optional<wire::ScaleComponent> command;  ///< of a component
  };
  async::Task<Ticket> write(std::string key, std::string value, std::optional<wire::ScaleComponent> command);
  async::Task<void> store(std::string key, std::string value);
  /// Whether that ticket is the last of its key, which is then forgotten.
  std::optional<Last> take(const std::string& key, Ticket ticket);

  std::shared_ptr<bus::KeyValue> bucket_;
  Ticket last_ticket_ = 0;
  std::map<std::string, Last> last_;  ///< of each key, until it is settled
};

}  // namespace weft::host
