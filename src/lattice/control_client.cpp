// SPDX-License-Identifier: Apache-2.0
#include "lattice/control_client.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <utility>

#include "lattice/control_server.hpp"

namespace weft::lattice {
namespace {

using wire::ControlOperation;

Error nobody(std::string_view what) {
  return Error(Errc::unavailable, fmt::format("no host answers {}", what),
               "see which hosts there are with: weft get hosts", Blame::environment);
}

}  // namespace

ControlClient::ControlClient(bus::Bus& bus, async::Shard& shard, wire::ControlRoot root, Timeouts timeouts)
    : bus_(bus), shard_(shard), root_(std::move(root)), timeouts_(timeouts) {}

async::Task<ControlClient::Answered> ControlClient::request(ControlOperation operation, std::string argument,
                                                            std::string body) {
  auto subject = wire::control_subject(root_, operation, argument);
  bus::Message message{.subject = subject, .reply = {}, .headers = {}, .payload = std::move(body)};
  auto answer = co_await bus_.request(std::move(message), timeouts_.request);
  if (!answer) {
    co_return answer.error().code() == Errc::unavailable ? nobody(subject) : answer.error();
  }
  WEFT_CO_TRY(auto reply, wire::decode_reply(answer->payload));
  if (!reply.success) {
    co_return Error(Errc::refused, reply.message, {}, Blame::operator_);
  }
  co_return Answered{std::move(reply), std::string(answer->header(kOperationHeader))};
}

async::Task<Accepted> ControlClient::command(ControlOperation operation, std::string argument, std::string body) {
  WEFT_CO_TRY(auto answered, co_await request(operation, std::move(argument), std::move(body)));
  co_return Accepted{std::move(answered.reply.message), std::move(answered.operation)};
}

async::Task<std::vector<std::string>> ControlClient::gather(std::string subject, std::string body) {
  auto answers = std::make_shared<std::vector<std::string>>();
  auto inbox = bus_.new_inbox();
  boost::asio::steady_timer timer(shard_.io(), timeouts_.gather);
  const auto collect = [answers, &timer](const bus::Message& message) {
    if (message.payload.empty()) {
      timer.cancel();  // nobody listens
      return;
    }
    if (const auto reply = wire::decode_reply(message.payload); reply && reply->success) {
      answers->push_back(reply->response);
    }
  };
  WEFT_CO_TRY(const auto subscription, bus_.subscribe(shard_, inbox, {}, collect));
  WEFT_CO_CHECK(bus_.publish(
      {.subject = std::move(subject), .reply = std::move(inbox), .headers = {}, .payload = std::move(body)}));
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return std::move(*answers);
}

// ---- hosts ----

async::Task<std::vector<wire::HostPing>> ControlClient::hosts() {
  WEFT_CO_TRY(const auto answers, co_await gather(wire::control_subject(root_, ControlOperation::host_ping), {}));
  std::vector<wire::HostPing> hosts;
  for (const auto& answer : answers) {
    WEFT_CO_TRY(auto host, wire::decode_host_ping(answer));
    hosts.push_back(std::move(host));
  }
  co_return hosts;
}

async::Task<wire::HostInventory> ControlClient::inventory(std::string host_id) {
  WEFT_CO_TRY(const auto answered, co_await request(ControlOperation::host_get, std::move(host_id), {}));
  co_return wire::decode_host_inventory(answered.reply.response);
}

async::Task<Accepted> ControlClient::stop_host(std::string host_id, std::optional<std::uint64_t> timeout_ms) {
  auto body = wire::encode(wire::StopHost{.host_id = host_id, .timeout_ms = timeout_ms});
  return command(ControlOperation::host_stop, std::move(host_id), std::move(body));
}

async::Task<Accepted> ControlClient::put_label(std::string host_id, const wire::Label& label) {
  return command(ControlOperation::label_put, std::move(host_id), wire::encode(label));
}

async::Task<Accepted> ControlClient::delete_label(std::string host_id, std::string key) {
  return command(ControlOperation::label_del, std::move(host_id), wire::encode(wire::Label{std::move(key), {}}));
}

async::Task<std::vector<wire::AuctionAck>> ControlClient::auction(wire::AuctionKind kind, wire::Auction auction) {
  const auto operation =
      kind == wire::AuctionKind::component ? ControlOperation::component_auction : ControlOperation::provider_auction;
  WEFT_CO_TRY(const auto answers,
              co_await gather(wire::control_subject(root_, operation), wire::encode(auction, kind)));
  std::vector<wire::AuctionAck> bids;
  for (const auto& answer : answers) {
    WEFT_CO_TRY(auto bid, wire::decode_auction_ack(answer, kind));
    bids.push_back(std::move(bid));
  }
  co_return bids;
}

// ---- components and providers ----

async::Task<Accepted> ControlClient::scale(const wire::ScaleComponent& scale) {
  auto host = scale.host_id;
  return command(ControlOperation::component_scale, std::move(host), wire::encode(scale));
}

async::Task<Accepted> ControlClient::update(const wire::UpdateComponent& update) {
  auto host = update.host_id;
  return command(ControlOperation::component_update, std::move(host), wire::encode(update));
}

async::Task<Accepted> ControlClient::start_provider(const wire::StartProvider& start) {
  auto host = start.host_id;
  return command(ControlOperation::provider_start, std::move(host), wire::encode(start));
}

async::Task<Accepted> ControlClient::stop_provider(const wire::StopProvider& stop) {
  auto host = stop.host_id;
  return command(ControlOperation::provider_stop, std::move(host), wire::encode(stop));
}

// ---- the lattice ----

async::Task<std::vector<wire::Link>> ControlClient::links() {
  WEFT_CO_TRY(const auto answered, co_await request(ControlOperation::link_get, {}, {}));
  co_return wire::decode_links(answered.reply.response);
}

async::Task<Accepted> ControlClient::put_link(const wire::Link& link) {
  return command(ControlOperation::link_put, {}, wire::encode(link));
}

async::Task<Accepted> ControlClient::delete_link(const wire::DeleteLink& link) {
  return command(ControlOperation::link_del, {}, wire::encode(link));
}

async::Task<std::vector<wire::StringMap>> ControlClient::claims() {
  WEFT_CO_TRY(const auto answered, co_await request(ControlOperation::claims_get, {}, {}));
  co_return wire::decode_claims_list(answered.reply.response);
}

async::Task<std::optional<wire::StringMap>> ControlClient::get_config(std::string name) {
  WEFT_CO_TRY(const auto answered, co_await request(ControlOperation::config_get, std::move(name), {}));
  if (answered.reply.response.empty()) {
    co_return std::optional<wire::StringMap>();
  }
  WEFT_CO_TRY(auto map, wire::decode_string_map(answered.reply.response));
  co_return std::optional(std::move(map));
}

async::Task<Accepted> ControlClient::put_config(std::string name, const wire::StringMap& config) {
  return command(ControlOperation::config_put, std::move(name), wire::encode(config));
}

async::Task<Accepted> ControlClient::delete_config(std::string name) {
  return command(ControlOperation::config_del, std::move(name), {});
}

async::Task<std::string> ControlClient::ask(std::string host_id, std::string question, std::string body,
                                            std::chrono::milliseconds timeout) {
  return ask_on(question_subject(root_.lattice, host_id, question), std::move(body), timeout,
                Error(Errc::unsupported, fmt::format("host {} does not answer '{}'", host_id, question),
                      "ask a weft host; hosts of wasmCloud have no such command", Blame::operator_));
}

async::Task<std::string> ControlClient::ask_daemon(std::string question, std::string body,
                                                   std::chrono::milliseconds timeout) {
  return ask_on(fmt::format("{}{}", kLocalQuestions, question), std::move(body), timeout,
                Error(Errc::unsupported, fmt::format("the daemon does not answer '{}' on its socket", question),
                      "it is of an older release: start it again with this one", Blame::operator_));
}

async::Task<std::string> ControlClient::ask_on(std::string subject, std::string body, std::chrono::milliseconds timeout,
                                               Error nobody) {
  bus::Message message{.subject = std::move(subject), .reply = {}, .headers = {}, .payload = std::move(body)};
  const auto answer = co_await bus_.request(std::move(message), timeout);
  if (!answer) {
    if (answer.error().code() == Errc::unavailable) {
      co_return nobody;
    }
    co_return answer.error();
  }
  WEFT_CO_TRY(auto reply, wire::decode_reply(answer->payload));
  if (!reply.success) {
    co_return Error(Errc::refused, std::move(reply.message), {}, Blame::operator_);
  }
  co_return std::move(reply.response);
}

async::Task<std::vector<Operation>> ControlClient::operations(std::string host_id) {
  WEFT_CO_TRY(const auto answer, co_await ask(std::move(host_id), "ops", {}, timeouts_.request));
  co_return decode_operations(answer);
}

async::Task<Operation> ControlClient::wait_operation(std::string host_id, std::string operation,
                                                     std::chrono::milliseconds timeout) {
  auto body = boost::json::serialize(boost::json::object{{"id", operation}});
  WEFT_CO_TRY(const auto answer, co_await ask(std::move(host_id), "ops-wait", std::move(body), timeout));
  co_return decode_operation(answer);
}

async::Task<std::vector<std::string>> ControlClient::component_config(std::string host_id, std::string component_id) {
  WEFT_CO_TRY(const auto answer,
              co_await ask(std::move(host_id), "component-config", std::move(component_id), timeouts_.request));
  boost::system::error_code failed;
  const auto value = boost::json::parse(answer, failed);
  if (failed || !value.is_array()) {
    co_return Error(Errc::malformed, "the answer about a component's configurations is no list", {}, Blame::peer);
  }
  std::vector<std::string> names;
  for (const auto& name : value.get_array()) {
    if (name.is_string()) names.emplace_back(name.get_string());
  }
  co_return names;
}

async::Task<std::string> ControlClient::logs(std::string host_id, std::string component_id) {
  return ask(std::move(host_id), "logs", std::move(component_id), timeouts_.request);
}

async::Task<std::string> ControlClient::call(std::string host_id, std::string request,
                                             std::chrono::milliseconds timeout) {
  return ask(std::move(host_id), "call", std::move(request), timeout);
}

async::Task<void> ControlClient::flush() { return bus_.flush(timeouts_.request); }

Result<std::unique_ptr<bus::Subscription>> ControlClient::on_event(std::function<void(const wire::Event&)> handler) {
  return bus_.subscribe(shard_, wire::event_subject(root_.lattice, "*"), {},
                        [handler = std::move(handler)](const bus::Message& message) {
                          if (const auto event = wire::decode_event(message.payload)) {
                            handler(*event);
                          }
                        });
}

std::unique_ptr<bus::Subscription> ControlClient::on_lost(std::function<void()> handler) {
  return bus_.on_state(shard_, [handler = std::move(handler)](bus::BusState state) {
    if (state != bus::BusState::connected) handler();
  });
}

}  // namespace weft::lattice
