// SPDX-License-Identifier: Apache-2.0
/// The control interface of one host: listens on its subjects with 1.9's queue groups, decodes, carries out, answers.
/// Commands to this host go to HostCommands; links, claims and configurations to the LatticeStore, with their events.
///
/// Ownership: by the host; borrows all that it is given. Threads: the control shard; requests run side by side as
/// tasks. Malformed requests get a failure reply with 1.9's sentence. Every reply to a command carries the id of its
/// operation in the header kOperationHeader, where older clients never look. weft's own questions come on subjects of
/// their own: "weft.ctl.{lattice}.{host}.{question}". Source: control-plane facts 3, 11.2.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "bus/bus.hpp"
#include "lattice/events.hpp"
#include "lattice/host_commands.hpp"
#include "lattice/lattice_store.hpp"
#include "lattice/operations.hpp"
#include "wire/control_subject.hpp"
#include "wire/host_data.hpp"

namespace weft::lattice {

inline constexpr std::string_view kOperationHeader = "Weft-Operation";
/// "weft.ctl.{lattice}.{host}.{question}".
std::string question_subject(std::string_view lattice, std::string_view host_id, std::string_view question);
/// Of questions that a host answers on its own socket alone: "weft.local.{question}".
inline constexpr std::string_view kLocalQuestions = "weft.local.";
/// What is sent back to whoever has asked.
wire::Reply question_reply(Result<std::string> answered);

struct ControlServerConfig {
  wire::ControlRoot root;
  std::string host_id;
  bus::Bus* provider_bus = nullptr;  ///< where provider processes listen; null: where commands come
  bool component_auctions = true;
  bool provider_auctions = true;
  std::size_t max_running = 4096;  ///< requests at once; more are answered with a failure
};

class ControlServer {
 public:
  ControlServer(bus::Bus& bus, async::Shard& shard, ControlServerConfig config, LatticeStore& store,
                EventPublisher& events, Operations& operations, HostCommands& host);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Subscribes; done when the server knows of all subscriptions. Requests wait until serve().
  async::Task<void> subscribe();
  /// Begins to carry out requests, those that came since subscribe() first.
  void serve();
  /// Ends listening and waits for the requests that run.
  boost::asio::awaitable<void> close();

 private:
  struct Request;

  async::Task<void> subscribe_to(std::string pattern, std::string queue_group);
  void on_message(bus::Message message);
  void run(bus::Message message);
  async::Task<void> answer(bus::Message message);
  async::Task<std::optional<wire::Reply>> carry_out(Request request);
  async::Task<std::optional<wire::Reply>> query(Request request);
  async::Task<std::string> command_host(Request request);
  async::Task<std::string> change_lattice(Request request);
  Result<std::optional<wire::Reply>> auction(wire::AuctionKind kind, const std::string& payload);
  async::Task<std::string> put_link(std::string payload, std::string id);
  async::Task<std::string> delete_link(std::string payload, std::string id);
  async::Task<std::string> put_config(std::string name, std::string payload);
  async::Task<std::string> delete_config(std::string name);
  void tell_old_providers(const wire::LinkDefinition& link, wire::ProviderSubject verb);
  Result<std::string> put_label(const std::string& payload);
  Result<std::string> delete_label(const std::string& payload);
  Result<std::string> put_registries(const std::string& payload);
  void stop_host(const bus::Message& message, const std::string& id);
  void reply(const bus::Message& request, const wire::Reply& reply, std::string_view operation);

  bus::Bus& bus_;
  async::Shard& shard_;
  ControlServerConfig config_;
  LatticeStore& store_;
  EventPublisher& events_;
  Operations& operations_;
  HostCommands& host_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  std::vector<bus::Message> waiting_;  ///< before serve()
  bool serving_ = false;
  async::TaskScope tasks_;
};

}  // namespace weft::lattice
