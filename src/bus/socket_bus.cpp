// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_bus.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <utility>

#include "bus/local_dispatch.hpp"
#include "bus/socket_connection.hpp"
#include "bus/socket_path.hpp"

namespace weft::bus {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;
constexpr const char* kWelcome = "welcome";

// What waits for an answer is known to LocalDispatch by a name.
std::string name_of_request(std::uint64_t number) { return "request " + std::to_string(number); }
std::string name_of_ping(std::uint64_t number) { return "ping " + std::to_string(number); }

Errc to_errc(std::uint16_t code) {
  constexpr auto first = static_cast<std::uint16_t>(Errc::internal);
  constexpr auto last = static_cast<std::uint16_t>(Errc::conflict);
  return code >= first && code <= last ? static_cast<Errc>(code) : Errc::internal;
}

}  // namespace

struct SocketBus::State : std::enable_shared_from_this<SocketBus::State> {
  Result<void> handle(Frame frame);
  Result<void> handle_failure(const Frame& frame);
  void lose(const Error& why) {
    dispatch->set_state(BusState::disconnected);
    dispatch->fail_all_answers(why);
  }
  Result<void> send(const Frame& frame) const {
    if (dispatch->state() != BusState::connected) {
      return Error(Errc::unavailable, "the connection to '" + info.url + "' is closed");
    }
    return connection->send(frame);
  }

  BusInfo info;
  std::string inbox_prefix;
  std::shared_ptr<SocketConnection> connection;
  std::shared_ptr<LocalDispatch> dispatch = std::make_shared<LocalDispatch>(BusState::connected);
  std::atomic<std::uint64_t> next_number{1};
};

Result<void> SocketBus::State::handle(Frame frame) {
  switch (frame.type) {
    case FrameType::welcome:
      // The waiter reads the rest of it from this message.
      frame.message.subject = std::to_string(frame.number);
      frame.message.payload = std::move(frame.text);
      dispatch->end_answer(kWelcome, std::move(frame.message));
      return {};
    case FrameType::message:
      dispatch->deliver_to(frame.number, std::move(frame.message));
      return {};
    case FrameType::answer:
      dispatch->end_answer(name_of_request(frame.number), std::move(frame.message));
      return {};
    case FrameType::failure:
      return handle_failure(frame);
    case FrameType::pong:
      dispatch->end_answer(name_of_ping(frame.number), Message());
      return {};
    case FrameType::connect:
    case FrameType::publish:
    case FrameType::request:
    case FrameType::subscribe:
    case FrameType::unsubscribe:
    case FrameType::ping:
      break;
  }
  return Error(Errc::malformed, "a frame that is not a server's to send", {}, Blame::peer);
}

Result<void> SocketBus::State::handle_failure(const Frame& frame) {
  Error error(to_errc(frame.code), frame.text, {}, Blame::peer);
  if (frame.number == 0) {
    return error;
  }
  // Requests and pings share their numbers, so at most one of these waits.
  dispatch->end_answer(name_of_request(frame.number), error);
  dispatch->end_answer(name_of_ping(frame.number), std::move(error));
  return {};
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the shard outlives the bus
async::Task<std::unique_ptr<SocketBus>> SocketBus::connect(async::Shard& shard, std::string path,
                                                           std::chrono::milliseconds timeout) {
  WEFT_CO_TRY(const int descriptor, connect_to(path));
  const auto state = std::make_shared<State>();
  state->info = {.url = "unix:" + path, .jetstream_domain = {}};
  state->connection = std::make_shared<SocketConnection>(
      shard, SocketConnection::Socket(shard.io(), asio::local::stream_protocol(), descriptor), kMaxWaitingBytes);
  auto bus = std::unique_ptr<SocketBus>(new SocketBus(state));
  // The handlers belong to the connection, which the state owns: they must not own the state in turn.
  const auto greet = [state = state.get(), &shard]() -> Result<void> {
    asio::post(shard.io(), [state = state->shared_from_this()] {
      state->connection->start(
          [weak = state->weak_from_this()](Frame frame) -> Result<void> {
            const auto alive = weak.lock();
            return alive ? alive->handle(std::move(frame)) : Result<void>();
          },
          [weak = state->weak_from_this()](const Error& why) {
            if (const auto alive = weak.lock()) alive->lose(why);
          });
    });
    return state->connection->send({.type = FrameType::connect, .number = kSocketProtocol, .text = {}, .message = {}});
  };
  WEFT_CO_TRY(auto welcome, co_await state->dispatch->await_answer(kWelcome, timeout, state->info.url, greet));
  state->info.max_payload = static_cast<std::size_t>(std::strtoull(welcome.subject.c_str(), nullptr, 10));
  state->inbox_prefix = std::move(welcome.payload);
  co_return bus;
}

SocketBus::SocketBus(std::shared_ptr<State> state) : state_(std::move(state)) {}

SocketBus::~SocketBus() {
  state_->dispatch->set_state(BusState::closed);
  state_->dispatch->fail_all_answers(Error(Errc::unavailable, "the bus is closed"));
  state_->connection->close_soon();
}

BusInfo SocketBus::info() const { return state_->info; }

BusState SocketBus::state() const noexcept { return state_->dispatch->state(); }

std::unique_ptr<Subscription> SocketBus::on_state(async::Shard& shard, std::function<void(BusState)> handler) {
  return state_->dispatch->on_state(shard, std::move(handler));
}

std::uint64_t SocketBus::dropped() const noexcept { return state_->dispatch->dropped(); }

Result<void> SocketBus::publish(Message message) {
  WEFT_CHECK(check_message(message, state_->info.max_payload));
  return state_->send({.type = FrameType::publish, .text = {}, .message = std::move(message)});
}

async::Task<Message> SocketBus::request(Message message, std::chrono::milliseconds timeout) {
  message.reply.clear();
  WEFT_CO_CHECK(check_message(message, state_->info.max_payload));
  const auto state = state_;
  const std::uint64_t number = state->next_number++;
  std::string subject = message.subject;
  auto send = [state, number, timeout, message = std::move(message)]() mutable {
    return state->send({.type = FrameType::request,
                        .number = number,
                        .text = std::to_string(timeout.count()),
                        .message = std::move(message)});
  };
  co_return co_await state->dispatch->await_answer(name_of_request(number), timeout, std::move(subject),
                                                   std::move(send));
}

Result<std::unique_ptr<Subscription>> SocketBus::subscribe(async::Shard& shard, std::string subject,
                                                           SubscribeOptions options, MessageHandler handler) {
  if (state() != BusState::connected) {
    return Error(Errc::unavailable, "the connection to '" + state_->info.url + "' is closed");
  }
  ListenHooks hooks;
  hooks.joined = [state = state_, subject, group = options.queue_group](std::uint64_t number) {
    static_cast<void>(state->send({.type = FrameType::subscribe,
                                   .number = number,
                                   .text = group,
                                   .message = {.subject = subject, .reply = {}, .headers = {}, .payload = {}}}));
  };
  hooks.leaving = [state = state_](std::uint64_t number) {
    static_cast<void>(state->send({.type = FrameType::unsubscribe, .number = number, .text = {}, .message = {}}));
  };
  return state_->dispatch->subscribe(shard, std::move(subject), std::move(options), std::move(handler),
                                     std::move(hooks));
}

std::string SocketBus::new_inbox() { return state_->inbox_prefix + "." + std::to_string(state_->next_number++); }

async::Task<void> SocketBus::flush(std::chrono::milliseconds timeout) {
  const auto state = state_;
  const std::uint64_t number = state->next_number++;
  const auto send = [state, number] {
    return state->send({.type = FrameType::ping, .number = number, .text = {}, .message = {}});
  };
  WEFT_CO_CHECK(co_await state->dispatch->await_answer(name_of_ping(number), timeout, state->info.url, send));
  co_return Result<void>();
}

async::Task<std::shared_ptr<KeyValue>> SocketBus::open_bucket(std::string) {
  co_return Error(Errc::unsupported, "a client of a local weft has no buckets of its own",
                  "ask the lattice's control interface instead");
}

async::Task<void> SocketBus::drain(std::chrono::milliseconds timeout) {
  const auto state = state_;
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (const auto number : state->dispatch->listeners()) {
    WEFT_CO_CHECK(state->send({.type = FrameType::unsubscribe, .number = number, .text = {}, .message = {}}));
  }
  auto flushed = co_await flush(timeout);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  auto finished = co_await state->dispatch->finish(std::max(left, std::chrono::milliseconds(0)));
  state->dispatch->fail_all_answers(Error(Errc::unavailable, "the bus was closed before an answer came"));
  state->dispatch->set_state(BusState::closed);
  state->connection->close_soon();
  co_return flushed ? std::move(finished) : std::move(flushed);
}

}  // namespace weft::bus
