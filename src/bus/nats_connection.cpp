// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "bus/nats_setup.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

namespace asio = boost::asio;

namespace {

// How long the end of a connection waits for nats.c's threads to let go of what is ours.
constexpr std::chrono::milliseconds kPatience{5000};

constexpr std::string_view kNoResponders = "no responders";

Error closed_error(const std::string& url) {
  return {Errc::unavailable, fmt::format("the connection to {} is closed", url), {}, Blame::environment};
}

}  // namespace

bool is_no_responders(const Error& error) {
  return error.code() == Errc::unavailable && error.message().starts_with(kNoResponders);
}

struct NatsConnection::StateListener {
  async::Shard& shard;
  StateHandler handler;
  bool is_closed = false;  // the shard's

  static void tell(const std::shared_ptr<StateListener>& listener, BusState state) {
    asio::post(listener->shard.io(), [listener, state] {
      if (!listener->is_closed) {
        listener->handler(state);
      }
    });
  }
};

NatsConnection::NatsConnection(NatsOptions options) : options_(std::move(options)) {}

Result<std::shared_ptr<NatsConnection>> NatsConnection::open(NatsOptions options) {
  auto connection = std::shared_ptr<NatsConnection>(new NatsConnection(std::move(options)));
  WEFT_TRY(auto inbox, connection->new_inbox());
  connection->requests_ = std::make_shared<NatsRequests>(std::move(inbox));
  WEFT_CHECK(connection->connect());
  if (auto opened = connection->open_inbox(); !opened) {
    connection->close();
    return std::move(opened).error();
  }
  return connection;
}

Result<void> NatsConnection::connect() {
  auto callbacks = std::make_unique<ConnectionCallbacks>(shared_from_this(), gate_->enter());
  WEFT_TRY(const auto options, make_nats_options(options_, *callbacks));
  natsConnection* made = nullptr;
  const auto status = natsConnection_Connect(&made, options.get());
  if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) {
    return connect_error(status);
  }
  // From now on the callbacks may come, some have perhaps.
  [[maybe_unused]] const auto* kept = callbacks.release();
  handle_ = made;
  if (natsConnection_Status(made) == NATS_CONN_STATUS_CONNECTED) {
    learn(made);
    change_state(BusState::connected);
  } else {
    log(LogLevel::info, fmt::format("nats: no server answers at {} yet; trying on", url()));
  }
  return {};
}

Result<void> NatsConnection::open_inbox() {
  WEFT_TRY(inbox_, receive(requests_->pattern(), [requests = requests_](natsMsg* message) {
             auto answer = to_message(message);
             const auto subject = answer.subject;
             if (answer.payload.empty() && answer.header("Status") == "503") {
               requests->answer(subject, Error(Errc::unavailable, std::string(kNoResponders), {}, Blame::environment));
             } else {
               requests->answer(subject, std::move(answer));
             }
           }));
  return {};
}

NatsConnection::~NatsConnection() { natsConnection_Destroy(handle_); }

Error NatsConnection::connect_error(natsStatus status) const {
  const auto where = url();
  if (status == NATS_INVALID_ARG || status == NATS_ADDRESS_MISSING) {
    return {Errc::invalid_argument, fmt::format("`{}` is no URL of a NATS server", where),
            "it looks like nats://host:4222", Blame::operator_};
  }
  if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED) {
    return {Errc::permission_denied, fmt::format("the NATS server at {} refuses the credentials", where),
            "check user and password, token, nkey, or the JWT and its seed", Blame::operator_};
  }
  if (status == NATS_SECURE_CONNECTION_WANTED) {
    return {Errc::unavailable, fmt::format("the NATS server at {} does not speak TLS", where),
            "do not require TLS, or configure it on the server", Blame::operator_};
  }
  if (status == NATS_SSL_ERROR) {
    return {Errc::unavailable, fmt::format("TLS with the NATS server at {} failed", where),
            "check that the CA file signed the server's certificate, that the certificate names this host, and whether "
            "the server wants a client certificate",
            Blame::operator_};
  }
  return {Errc::unavailable, fmt::format("no NATS server answers at {} ({})", where, natsStatus_GetText(status)),
          "check the host and port, and that the server runs (`nats-server -js` starts one)", Blame::environment};
}

std::string NatsConnection::url() const {
  if (state_ == BusState::connected) {
    const std::lock_guard lock(mutex_);
    return connected_url_;
  }
  std::string all;
  for (const auto& url : options_.urls) {
    all += (all.empty() ? "" : ", ") + without_credentials(url);
  }
  return all;
}

void NatsConnection::learn(natsConnection* handle) {
  char text[512] = {};
  if (natsConnection_GetConnectedUrl(handle, text, sizeof text) != NATS_OK || text[0] == '\0') {
    return;  // gone again already
  }
  const auto limit = natsConnection_GetMaxPayload(handle);
  max_payload_ = limit > 0 ? static_cast<std::size_t>(limit) : BusInfo{}.max_payload;
  const std::lock_guard lock(mutex_);
  connected_url_ = without_credentials(text);
}

void NatsConnection::add_dropped(std::uint64_t count) {
  const auto before = dropped_.fetch_add(count);
  // At the first and then ever more seldom.
  if (std::bit_width(before) != std::bit_width(before + count)) {
    log(LogLevel::warning,
        fmt::format("nats: {} messages were dropped so far: a shard does not keep up with what comes", before + count));
  }
}

void NatsConnection::log(LogLevel level, std::string_view line) const {
  if (options_.log) {
    options_.log(level, line);
  }
}

void NatsConnection::change_state(BusState state) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == BusState::closed || state_ == state) {
      return;
    }
    state_ = state;
    for (const auto& listener : listeners_) {
      StateListener::tell(listener, state);
    }
  }
  if (state == BusState::connected) {
    log(LogLevel::info, fmt::format("nats: connected to {}", url()));
    return;
  }
  if (state == BusState::closed) {
    log(LogLevel::info, fmt::format("nats: closed the connection to {}", url()));
  } else {
    log(LogLevel::warning, fmt::format("nats: lost the connection to {}", url()));
  }
  requests_->fail_all({Errc::unavailable, fmt::format("the connection to {} was lost", url()),
                       "whether the request was handled is not known", Blame::environment});
}

std::unique_ptr<Subscription> NatsConnection::on_state(async::Shard& shard, StateHandler handler) {
  auto listener = std::make_shared<StateListener>(StateListener{.shard = shard, .handler = std::move(handler)});
  {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(listener);
    StateListener::tell(listener, state_);
  }
  return std::make_unique<EndingSubscription>([self = shared_from_this(), listener = std::move(listener)] {
    listener->is_closed = true;
    const std::lock_guard inner(self->mutex_);
    self->listeners_.remove(listener);
  });
}

Result<void> NatsConnection::publish(const Message& message) {
  WEFT_TRY(const auto status, bus::publish(handle_, message, sent_));
  if (status == NATS_OK) {
    NatsWrites::published({shared_from_this(), &writes_}, handle_);
    return {};
  }
  if (status == NATS_MAX_PAYLOAD) {
    return Error(Errc::resource_exhausted,
                 fmt::format("a message of {} bytes to {} is more than the server takes", message.payload.size(),
                             message.subject),
                 fmt::format("its limit is {} bytes, headers included (max_payload)", max_payload()), Blame::operator_);
  }
  if (status == NATS_INSUFFICIENT_BUFFER) {
    return Error(Errc::unavailable, fmt::format("not connected to {}, and the buffer for that time is full", url()),
                 "messages are dropped until the server is back", Blame::environment);
  }
  if (status == NATS_CONNECTION_CLOSED || status == NATS_DRAINING) {
    return closed_error(url());
  }
  return to_error(status, "publish to " + message.subject);
}

std::uint64_t NatsConnection::send_request(Message message, const NatsRequests::Done& done) {
  auto ticket = requests_->add(done);
  message.reply = std::move(ticket.reply);
  if (auto sent = publish(message); !sent) {
    requests_->remove(ticket.id);
    done.complete(std::move(sent).error());
  }
  return ticket.id;
}

async::Task<Message> NatsConnection::request(Message message, std::chrono::milliseconds timeout) {
  const auto self = shared_from_this();
  const auto subject = message.subject;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) {
    co_return Error(Errc::cancelled, "cancelled before the request was sent");
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  std::uint64_t id = 0;
  auto answer = co_await async::wait_for_completion<Message>([&](const NatsRequests::Done& done) {
    timer.async_wait([done, self, subject, timeout](const boost::system::error_code& fault) {
      if (!fault) {
        const bool there = self->state() == BusState::connected;
        done.complete(Error(there ? Errc::deadline_exceeded : Errc::unavailable,
                            there ? fmt::format("no answer on {} within {} ms", subject, timeout.count())
                                  : fmt::format("no connection to {} within {} ms", self->url(), timeout.count()),
                            {}, Blame::environment));
      }
    });
    id = self->send_request(std::move(message), done);
  });
  self->forget_request(id);
  if (!answer && is_no_responders(answer.error())) {
    co_return Error(Errc::unavailable, fmt::format("{}: nobody listens on {}", kNoResponders, subject), {},
                    Blame::environment);
  }
  co_return answer;
}

Result<std::string> NatsConnection::new_inbox() const {
  WEFT_TRY(auto name, make_unique_name());
  return options_.inbox_prefix + '.' + name;
}

async::Task<void> NatsConnection::flush(std::chrono::milliseconds timeout) {
  const auto self = shared_from_this();
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  std::uint64_t id = 0;
  const auto answer = co_await async::wait_for_completion<Message>([&](const NatsRequests::Done& done) {
    timer.async_wait([done, self, timeout](const boost::system::error_code& fault) {
      if (!fault) {
        done.complete(Error(Errc::deadline_exceeded,
                            fmt::format("{} took not all within {} ms", self->url(), timeout.count()), {},
                            Blame::environment));
      }
    });
    const auto ticket = self->requests_->add(done);
    id = ticket.id;
    Message echo;
    echo.subject = ticket.reply;
    if (auto sent = self->publish(echo); !sent) {
      done.complete(std::move(sent).error());
    }
  });
  self->forget_request(id);
  if (!answer) {
    co_return answer.error();
  }
  co_return Result<void>();
}

Result<std::shared_ptr<NatsDelivery>> NatsConnection::subscribe(const std::string& subject,
                                                                const SubscribeOptions& options,
                                                                const std::shared_ptr<Mailbox>& mailbox) {
  if (is_draining_ || state_ == BusState::closed) {
    return closed_error(url());
  }
  WEFT_TRY(auto delivery, NatsDelivery::open(handle_, gate_, received_, subject, options.queue_group,
                                             [weak = weak_from_this(), mailbox](natsMsg* message) {
                                               const auto dropped = mailbox->push(to_message(message));
                                               if (dropped > 0) {
                                                 if (const auto self = weak.lock()) {
                                                   self->add_dropped(dropped);
                                                 }
                                               }
                                             }));
  const std::lock_guard lock(mutex_);
  // Now and then, so that ten thousand subscriptions do not look at each other.
  if (subscriptions_.size() >= sweep_at_) {
    std::erase_if(subscriptions_, [](const Drainable& entry) { return entry.delivery.expired(); });
    sweep_at_ = std::max<std::size_t>(2 * subscriptions_.size(), 64);
  }
  subscriptions_.push_back({.delivery = delivery, .mailbox = mailbox});
  return delivery;
}

Result<std::shared_ptr<NatsDelivery>> NatsConnection::receive(const std::string& subject, Receiver receiver) {
  return NatsDelivery::open(handle_, gate_, received_, subject, {}, std::move(receiver));
}

std::vector<NatsConnection::Drainable> NatsConnection::take_drainables() {
  is_draining_ = true;
  const std::lock_guard lock(mutex_);
  return {subscriptions_.begin(), subscriptions_.end()};
}

async::Task<void> NatsConnection::drain_subscriptions(std::chrono::milliseconds timeout) {
  const auto entries = take_drainables();
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  // Whoever lets go of it last has been drained last.
  struct Latch {
    explicit Latch(async::Completion<void> completion) : done(std::move(completion)) {}
    ~Latch() { done.complete({}); }
    Latch(const Latch&) = delete;
    Latch& operator=(const Latch&) = delete;
    async::Completion<void> done;
  };
  co_return co_await async::wait_for_completion<void>([&](const async::Completion<void>& done) {
    timer.async_wait([done](const boost::system::error_code& fault) {
      if (!fault) {
        done.complete(Error(Errc::deadline_exceeded, "not all that had arrived was handled in time"));
      }
    });
    const auto latch = std::make_shared<Latch>(done);
    for (const auto& entry : entries) {
      const auto delivery = entry.delivery.lock();
      if (!delivery) {
        continue;
      }
      const auto finish = [latch, weak = entry.mailbox] {
        if (const auto mailbox = weak.lock()) {
          mailbox->finish([latch] {});
        }
      };
      // Without a connection nothing more arrives, and nats.c would wait for it all the same.
      if (state_ == BusState::connected) {
        delivery->drain(timeout, finish);
      } else {
        finish();
      }
    }
  });
}

void NatsConnection::close() {
  if (handle_ == nullptr) {
    return;
  }
  NatsWrites::write(handle_);
  natsConnection_Close(handle_);
  // Somebody else may have closed before: the callback that tells it comes all the same.
  if (!gate_->wait_until_empty(kPatience)) {
    log(LogLevel::warning, "nats: callbacks are still under way although the connection is closed");
  }
}

}  // namespace weft::bus
