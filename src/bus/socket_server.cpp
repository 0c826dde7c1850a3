// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_server.hpp"

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "async/deadline.hpp"
#include "async/task_scope.hpp"
#include "base/assert.hpp"
#include "bus/socket_connection.hpp"
#include "bus/socket_path.hpp"

namespace weft::bus {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kFlushTimeout{10'000};
constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::hours(1);
constexpr std::chrono::milliseconds kLastAnswers{500};
constexpr std::chrono::milliseconds kLook{5};

std::chrono::milliseconds to_timeout(const std::string& text) {
  std::int64_t milliseconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  return std::clamp(std::chrono::milliseconds(milliseconds), std::chrono::milliseconds(0), kMaxTimeout);
}

Frame make_failure(std::uint64_t number, const Error& error) {
  return {.type = FrameType::failure,
          .code = static_cast<std::uint16_t>(error.code()),
          .number = number,
          .text = error.message(),
          .message = {}};
}

Error break_protocol(std::string what) { return {Errc::malformed, std::move(what), {}, Blame::peer}; }

}  // namespace

/// One connected process. Shared by its connection's handlers, its requests and the server's list.
class SocketServer::Client : public std::enable_shared_from_this<SocketServer::Client> {
 public:
  Client(State& server, std::shared_ptr<SocketConnection> connection)
      : server_(server), connection_(std::move(connection)) {}

  void start();
  void close() {
    subscriptions_.clear();
    connection_->close();
  }
  /// It waits for an answer, or one is on its way to it.
  [[nodiscard]] bool is_owed() const { return requests_ != 0 || !connection_->is_idle(); }

 private:
  Result<void> handle(Frame frame);
  Result<void> handle_connect(const Frame& frame);
  Result<void> handle_publish(Frame frame);
  Result<void> handle_request(Frame frame);
  Result<void> handle_subscribe(Frame frame);
  void handle_ping(std::uint64_t number);
  void refuse(const Error& error);
  static async::Task<void> answer_request(std::shared_ptr<Client> self, Frame frame);
  static async::Task<void> answer_ping(std::shared_ptr<Client> self, std::uint64_t number);
  void send(const Frame& frame) { static_cast<void>(connection_->send(frame)); }

  State& server_;
  std::shared_ptr<SocketConnection> connection_;
  std::map<std::uint64_t, std::unique_ptr<Subscription>> subscriptions_;
  std::size_t requests_ = 0;
  bool connected_ = false;
};

struct SocketServer::State : std::enable_shared_from_this<SocketServer::State> {
  State(async::Shard& where, Bus& target, SocketServerOptions given, ListeningSocket opened)
      : shard(where),
        bus(target),
        options(std::move(given)),
        listening(opened),
        acceptor(where.io(), stream_protocol(), opened.descriptor),
        pause(where.io()),
        scope(where) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, stream_protocol::socket socket) {
      if (self->closed) {
        return;
      }
      if (error) {
        self->accept_later();
        return;
      }
      self->welcome(std::move(socket));
      self->accept();
    });
  }
  /// Out of descriptors, most likely: trying again at once would only burn the core.
  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([self = shared_from_this()](const error_code&) {
      if (!self->closed) {
        self->accept();
      }
    });
  }
  void welcome(stream_protocol::socket socket) {
    if (clients.size() >= options.max_clients) {
      return;  // the socket closes
    }
    auto client = std::make_shared<Client>(
        *this, std::make_shared<SocketConnection>(shard, std::move(socket), options.max_waiting_bytes));
    clients.insert(client);
    client->start();
  }
  void close() {
    // Only read where it is closed already: the last handlers on the shard may be reading too.
    if (closed) {
      return;
    }
    closed = true;
    remove_socket_file(options.path, listening);
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& client : std::exchange(clients, {})) {
      client->close();
    }
  }

  async::Shard& shard;
  Bus& bus;
  SocketServerOptions options;
  ListeningSocket listening;
  stream_protocol::acceptor acceptor;
  asio::steady_timer pause;
  std::set<std::shared_ptr<Client>> clients;
  async::TaskScope scope;
  bool closed = false;
};

void SocketServer::Client::start() {
  connection_->start([self = shared_from_this()](Frame frame) { return self->handle(std::move(frame)); },
                     [self = shared_from_this()](const Error&) {
                       self->subscriptions_.clear();
                       self->server_.clients.erase(self);
                     });
}

Result<void> SocketServer::Client::handle(Frame frame) {
  if (!connected_) {
    return handle_connect(frame);
  }
  switch (frame.type) {
    case FrameType::publish:
      return handle_publish(std::move(frame));
    case FrameType::request:
      return handle_request(std::move(frame));
    case FrameType::subscribe:
      return handle_subscribe(std::move(frame));
    case FrameType::unsubscribe:
      subscriptions_.erase(frame.number);
      return {};
    case FrameType::ping:
      handle_ping(frame.number);
      return {};
    case FrameType::connect:
    case FrameType::welcome:
    case FrameType::message:
    case FrameType::answer:
    case FrameType::failure:
    case FrameType::pong:
      break;
  }
  return break_protocol("a frame that is not a client's to send");
}

Result<void> SocketServer::Client::handle_connect(const Frame& frame) {
  if (frame.type != FrameType::connect) {
    return break_protocol("the first frame is not 'connect'");
  }
  if (frame.number != kSocketProtocol) {
    refuse(Error(Errc::unsupported, "this weft speaks version " + std::to_string(kSocketProtocol) +
                                        " of the socket's protocol, and the client version " +
                                        std::to_string(frame.number)));
    return {};
  }
  connected_ = true;
  send({.type = FrameType::welcome,
        .number = server_.bus.info().max_payload,
        .text = server_.bus.new_inbox(),
        .message = {}});
  return {};
}

void SocketServer::Client::refuse(const Error& error) {
  send(make_failure(0, error));
  subscriptions_.clear();
  connection_->close_when_sent();
  server_.clients.erase(shared_from_this());
}

Result<void> SocketServer::Client::handle_publish(Frame frame) {
  auto outcome = server_.bus.publish(std::move(frame.message));
  // Our clients check before they send. What the bus cannot do now is lost, as a message may be.
  if (!outcome && outcome.error().code() == Errc::invalid_argument) {
    return std::move(outcome).error();
  }
  return {};
}

Result<void> SocketServer::Client::handle_request(Frame frame) {
  if (requests_ >= server_.options.max_requests) {
    send(make_failure(frame.number, Error(Errc::resource_exhausted, "too many requests of one client at a time")));
    return {};
  }
  ++requests_;
  server_.scope.spawn("socket request", answer_request(shared_from_this(), std::move(frame)));
  return {};
}

async::Task<void> SocketServer::Client::answer_request(std::shared_ptr<Client> self, Frame frame) {
  const auto& options = self->server_.options;
  const bool is_own = !options.own_prefix.empty() && frame.message.subject.starts_with(options.own_prefix);
  auto answer = is_own ? co_await options.own(std::move(frame.message))
                       : co_await self->server_.bus.request(std::move(frame.message), to_timeout(frame.text));
  --self->requests_;
  if (answer) {
    self->send({.type = FrameType::answer, .number = frame.number, .text = {}, .message = *std::move(answer)});
  } else {
    self->send(make_failure(frame.number, answer.error()));
  }
  co_return Result<void>();
}

Result<void> SocketServer::Client::handle_subscribe(Frame frame) {
  if (subscriptions_.size() >= server_.options.max_subscriptions || subscriptions_.contains(frame.number)) {
    refuse(Error(Errc::resource_exhausted, "too many subscriptions, or one number for two"));
    return {};
  }
  auto handler = [connection = connection_, number = frame.number](Message message) {
    static_cast<void>(
        connection->send({.type = FrameType::message, .number = number, .text = {}, .message = std::move(message)}));
  };
  auto subscription = server_.bus.subscribe(server_.shard, std::move(frame.message.subject),
                                            {.queue_group = std::move(frame.text)}, std::move(handler));
  if (!subscription) {
    refuse(subscription.error());
    return {};
  }
  subscriptions_.emplace(frame.number, *std::move(subscription));
  return {};
}

void SocketServer::Client::handle_ping(std::uint64_t number) {
  server_.scope.spawn("socket ping", answer_ping(shared_from_this(), number));
}

async::Task<void> SocketServer::Client::answer_ping(std::shared_ptr<Client> self, std::uint64_t number) {
  if (auto flushed = co_await self->server_.bus.flush(kFlushTimeout); !flushed) {
    self->send(make_failure(number, flushed.error()));
  } else {
    self->send({.type = FrameType::pong, .number = number, .text = {}, .message = {}});
  }
  co_return Result<void>();
}

SocketServer::SocketServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

SocketServer::~SocketServer() {
  WEFT_ASSERT(state_->closed || state_->shard.io().stopped());
  state_->close();
}

Result<std::unique_ptr<SocketServer>> SocketServer::listen(async::Shard& shard, Bus& bus, SocketServerOptions options) {
  WEFT_TRY(const auto listening, listen_on(options.path));
  auto state = std::make_shared<State>(shard, bus, std::move(options), listening);
  shard.post([state]() noexcept { state->accept(); });
  return std::unique_ptr<SocketServer>(new SocketServer(std::move(state)));
}

async::Task<void> SocketServer::close() {
  const auto state = state_;
  // Whoever has told this process to end is told that it does.
  const auto until = std::chrono::steady_clock::now() + kLastAnswers;
  while (std::ranges::any_of(state->clients, [](const auto& client) { return client->is_owed(); }) &&
         std::chrono::steady_clock::now() < until) {
    WEFT_CO_CHECK(co_await async::sleep_for(kLook));
  }
  state->close();
  co_await state->scope.close();
  co_return Result<void>();
}

std::size_t SocketServer::clients() const noexcept { return state_->clients.size(); }

}  // namespace weft::bus
