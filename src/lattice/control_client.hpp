// SPDX-License-Identifier: Apache-2.0
/// The control interface from the client's side, typed: what the command line, the dashboard and tests use against any
/// host of a lattice, weft or wasmCloud 1.9.
///
/// Borrows its bus. Threads: a shard; each function is a Task on it. Errors: unavailable (no such host, no server),
/// deadline_exceeded, malformed (an answer that cannot be read), and what a host refuses with as `refused` carries its
/// own words. Source: control-plane facts 3, 12.1.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "bus/bus.hpp"
#include "lattice/operations.hpp"
#include "wire/control.hpp"
#include "wire/control_subject.hpp"
#include "wire/event.hpp"

namespace weft::lattice {

/// A command was accepted. `operation` is empty from hosts that keep no journal (1.9).
struct Accepted {
  std::string message;
  std::string operation;
};

class ControlClient {
 public:
  struct Timeouts {
    std::chrono::milliseconds request{5'000};
    std::chrono::milliseconds gather{1'000};  ///< how long answers of several hosts are collected
  };

  ControlClient(bus::Bus& bus, async::Shard& shard, wire::ControlRoot root, Timeouts timeouts);

  /// ---- hosts ----
  async::Task<std::vector<wire::HostPing>> hosts();
  async::Task<wire::HostInventory> inventory(std::string host_id);
  async::Task<Accepted> stop_host(std::string host_id, std::optional<std::uint64_t> timeout_ms);
  async::Task<Accepted> put_label(std::string host_id, const wire::Label& label);
  async::Task<Accepted> delete_label(std::string host_id, std::string key);
  /// The hosts that bid, in the order of their answers.
  async::Task<std::vector<wire::AuctionAck>> auction(wire::AuctionKind kind, wire::Auction auction);

  /// ---- components and providers ----
  async::Task<Accepted> scale(const wire::ScaleComponent& command);
  async::Task<Accepted> update(const wire::UpdateComponent& command);
  async::Task<Accepted> start_provider(const wire::StartProvider& command);
  async::Task<Accepted> stop_provider(const wire::StopProvider& command);

  /// ---- the lattice ----
  async::Task<std::vector<wire::Link>> links();
  async::Task<Accepted> put_link(const wire::Link& link);
  async::Task<Accepted> delete_link(const wire::DeleteLink& command);
  async::Task<std::vector<wire::StringMap>> claims();
  async::Task<std::optional<wire::StringMap>> get_config(std::string name);
  async::Task<Accepted> put_config(std::string name, const wire::StringMap& config);
  async::Task<Accepted> delete_config(std::string name);

  /// One of weft's own questions; the answer as JSON. unsupported: the host is not weft.
  async::Task<std::string> ask(std::string host_id, std::string question, std::string body,
                               std::chrono::milliseconds timeout);
  /// One that the daemon answers on its own socket alone, whose bus this has to be. unsupported: it does not know it.
  async::Task<std::string> ask_daemon(std::string question, std::string body, std::chrono::milliseconds timeout);
  /// The journal of a weft host, newest first.
  async::Task<std::vector<Operation>> operations(std::string host_id);
  /// An operation when it has ended, or as it is after some time; deadline_exceeded after `timeout`.
  async::Task<Operation> wait_operation(std::string host_id, std::string operation, std::chrono::milliseconds timeout);
  /// The configurations that a running component was given, in their order; no inventory says them.
  async::Task<std::vector<std::string>> component_config(std::string host_id, std::string component_id);
  /// The last log lines of a weft host, of one component unless `component_id` is empty; JSON.
  async::Task<std::string> logs(std::string host_id, std::string component_id);
  /// Calls a function of a component that runs; `request` is JSON: component, function, arguments, format. JSON too.
  async::Task<std::string> call(std::string host_id, std::string request, std::chrono::milliseconds timeout);

  /// What was sent or subscribed before has reached the server.
  async::Task<void> flush();
  /// Every event of the lattice until the subscription is destroyed.
  Result<std::unique_ptr<bus::Subscription>> on_event(std::function<void(const wire::Event&)> handler);
  /// Told when the bus is not connected (any more), on the shard.
  std::unique_ptr<bus::Subscription> on_lost(std::function<void()> handler);

 private:
  struct Answered {
    wire::Reply reply;
    std::string operation;
  };

  async::Task<Answered> request(wire::ControlOperation operation, std::string argument, std::string body);
  async::Task<Accepted> command(wire::ControlOperation operation, std::string argument, std::string body);
  async::Task<std::vector<std::string>> gather(std::string subject, std::string body);
  async::Task<std::string> ask_on(std::string subject, std::string body, std::chrono::milliseconds timeout,
                                  Error nobody);

  bus::Bus& bus_;
  async::Shard& shard_;
  wire::ControlRoot root_;
  Timeouts timeouts_;
};

}  // namespace weft::lattice
