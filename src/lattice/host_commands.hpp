// SPDX-License-Identifier: Apache-2.0
/// What a host does with commands that are addressed to it; the control server calls it, the host implements it.
/// Threads: the control shard.
#pragma once

#include <optional>
#include <string>

#include "async/task.hpp"
#include "wire/control.hpp"

namespace weft::lattice {

class HostCommands {
 public:
  virtual ~HostCommands() = default;

  virtual wire::HostPing ping() = 0;
  virtual wire::HostInventory inventory() = 0;
  virtual const wire::StringMap& labels() = 0;
  /// True if the id runs here.
  [[nodiscard]] virtual bool runs_component(const std::string& id) const = 0;
  [[nodiscard]] virtual bool runs_provider(const std::string& id) const = 0;

  /// Each returns the message that is answered; an Error becomes a failure reply. The work goes on after the answer;
  /// the host tells the journal how operation `id` ended.
  virtual async::Task<std::string> scale(wire::ScaleComponent command, std::string id) = 0;
  virtual async::Task<std::string> update(wire::UpdateComponent command, std::string id) = 0;
  virtual async::Task<std::string> start_provider(wire::StartProvider command, std::string id) = 0;
  virtual async::Task<std::string> stop_provider(wire::StopProvider command, std::string id) = 0;
  virtual void put_label(const wire::Label& label) = 0;
  /// False: there is no such label.
  virtual bool delete_label(const std::string& key) = 0;
  /// Done when everything that the mirror of the lattice's state holds is what calls are routed by.
  virtual boost::asio::awaitable<void> settle() = 0;
  /// Called after the answer has been sent.
  virtual void stop_host(std::optional<std::uint64_t> timeout_ms) = 0;
  virtual void put_registries(wire::RegistryCredentials credentials) = 0;
  /// weft's own questions ("tree", "ops.get"): the answer as JSON. not_found: none of ours.
  virtual async::Task<std::string> ask(std::string question, std::string body) = 0;
};

}  // namespace weft::lattice
