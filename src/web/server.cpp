// SPDX-License-Identifier: Apache-2.0
#include "web/server.hpp"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <future>
#include <random>
#include <utility>
#include <vector>

#include "web/listen_address.hpp"
#include "web/shard_server.hpp"

namespace weft::web {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kLook{100};

enum class Sharing : std::uint8_t { alone, among_shards };

Error bind_error(const boost::system::error_code& error, const tcp::endpoint& endpoint) {
  const auto address = to_text(endpoint);
  if (error == boost::asio::error::address_in_use) {
    return {Errc::io, "Cannot listen on " + address + ": another program listens there already",
            "Stop that program or choose another port with --listen.", Blame::operator_};
  }
  if (error == boost::asio::error::access_denied) {
    return {Errc::permission_denied, "Cannot listen on " + address + ": the system does not allow it",
            "Choose a port from 1024 on, or grant the capability CAP_NET_BIND_SERVICE.", Blame::operator_};
  }
  if (error == boost::system::errc::address_not_available) {
    return {Errc::invalid_argument, "Cannot listen on " + address + ": this machine does not have that address",
            "Use an address of this machine, 127.0.0.1 for itself alone or 0.0.0.0 for all.", Blame::operator_};
  }
  return {Errc::io, "Cannot listen on " + address + ": " + error.message(),
          "Check the address and the limits of this process.", Blame::environment};
}

Result<TcpAcceptor> bind_acceptor(async::Shard& shard, const tcp::endpoint& endpoint, Sharing sharing) {
  TcpAcceptor acceptor(shard.io().get_executor());
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && sharing == Sharing::among_shards) {
    const int on = 1;
    if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
      error = {errno, boost::system::system_category()};
    }
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error && sharing == Sharing::among_shards)
    acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return bind_error(error, endpoint);
  return acceptor;
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(async::ShardPool& pool) : pool_(pool) {}
  ServerImpl(const ServerImpl&) = delete;
  ServerImpl& operator=(const ServerImpl&) = delete;
  ~ServerImpl() override { stop(std::chrono::milliseconds(0)); }

  Result<void> listen(Handler& handler, ServerConfig config) {
    WEFT_TRY(const auto address, parse_listen_address(config.address));
    WEFT_TRY(auto endpoint, resolve(address));
    if (endpoint.port() != 0) {
      // SO_REUSEPORT would let a second process of this user take half of the connections; a bind without it tells.
      WEFT_TRY([[maybe_unused]] const auto probe, bind_acceptor(pool_.at(0), endpoint, Sharing::alone));
    }
    std::vector<TcpAcceptor> acceptors;
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      WEFT_TRY(auto acceptor, bind_acceptor(pool_.at(i), endpoint, Sharing::among_shards));
      boost::system::error_code error;
      if (i == 0) endpoint = acceptor.local_endpoint(error);
      if (error) return bind_error(error, endpoint);
      acceptors.push_back(std::move(acceptor));
    }
    state_.handler = &handler;
    state_.limits = config.limits;
    state_.access_log = std::move(config.access_log);
    state_.address = to_text(endpoint);
    std::random_device random;
    state_.seed = (std::uint64_t{random()} << 32U) | random();
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      state_.shards.push_back(std::make_unique<ShardServer>(pool_.at(i), state_, std::move(acceptors[i])));
    }
    for (const auto& server : state_.shards) {
      server->shard().post([&server = *server]() noexcept { server.start(); });
    }
    return {};
  }

  [[nodiscard]] std::string address() const override { return state_.address; }
  void close(std::chrono::milliseconds grace) override { stop(grace); }

 private:
  void stop(std::chrono::milliseconds grace) {
    // In two rounds: a connection accepted on one shard for another is on its way until all have stopped accepting.
    on_each_shard([](ShardServer& server, std::promise<void> done) { server.stop_accepting(std::move(done)); });
    on_each_shard([grace](ShardServer& server, std::promise<void> done) { server.drain(grace, std::move(done)); });
    state_.shards.clear();
  }

  template <class Act>
  void on_each_shard(Act act) {
    std::vector<std::future<void>> waits;
    for (const auto& server : state_.shards) {
      std::promise<void> done;
      waits.push_back(done.get_future());
      server->shard().post(
          [act, &server = *server, done = std::move(done)]() mutable noexcept { act(server, std::move(done)); });
    }
    for (std::size_t i = 0; i < waits.size(); ++i) {
      // A shard that was stopped before its server never answers.
      while (waits[i].wait_for(kLook) != std::future_status::ready && !state_.shards[i]->shard().io().stopped()) {
      }
    }
  }

  async::ShardPool& pool_;
  ServerState state_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::create(async::ShardPool& pool, Handler& handler, ServerConfig config) {
  auto server = std::make_unique<ServerImpl>(pool);
  WEFT_CHECK(server->listen(handler, std::move(config)));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace weft::web
