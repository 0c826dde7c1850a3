// SPDX-License-Identifier: Apache-2.0
/// For the tests of the client: an Exchange that a test fills in and looks at, and a server that does what a script
/// says, byte by byte, over TCP or TLS.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "async/shard.hpp"
#include "web/client.hpp"
#include "web/exchange.hpp"

namespace weft::web::test {

using namespace std::chrono_literals;

constexpr auto kClientPatience = 20s;  // sanitizers are slow

struct Request {
  std::string method = "GET", scheme = "http", authority{}, path = "/";
  std::vector<Header> headers{};
  std::optional<std::vector<std::string>> body{};  ///< pieces; none: no body
  std::vector<Header> trailers{};
  RequestTimeouts timeouts{};
  bool stalled = false;  ///< takes nothing more of the answer's body after its first piece, until resume()
};

struct Outcome {
  std::optional<HttpFault> fault;
  std::string reason;
  unsigned status = 0;
  std::vector<Header> headers;
  std::string body;
  std::vector<Header> trailers;
  int ends = 0;  ///< how often it was told to be over; must be 1

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& header : headers) {
      if (header.name == name) return header.value;
    }
    return "(none)";
  }
};

/// Lives on its shard; keeps the promises that a session makes.
class TestExchange final : public Exchange, public std::enable_shared_from_this<TestExchange> {
 public:
  TestExchange(async::Shard& shard, Request request)
      : shard_(shard), asked_(std::move(request)), stalled_(asked_.stalled) {
    head_.method = asked_.method;
    head_.scheme = asked_.scheme;
    head_.authority = asked_.authority;
    head_.path_and_query = asked_.path;
    for (const auto& [name, value] : asked_.headers) head_.headers.push_back({name, value});
    head_.has_body = asked_.body.has_value();
    head_.timeouts = asked_.timeouts;
  }

  void start(Handler& handler) {
    self_ = shared_from_this();
    responder_ = handler.on_request(*this);
    responder_->start();
  }

  /// The client of the exchange leaves.
  void leave() {
    if (!responder_) return;
    responder_->on_disconnect();
    end();
  }
  void resume() {
    stalled_ = false;
    if (wants_writable_) later([this] { writable(); });
  }

  [[nodiscard]] std::future<Outcome> outcome() { return promise_.get_future(); }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }

  [[nodiscard]] const RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return "test"; }

  void read_body() override {
    EXPECT_FALSE(std::exchange(reading_, true));
    later([this] {
      if (!responder_ || outcome_.ends > 0) return;
      reading_ = false;
      if (asked_.body && next_piece_ < asked_.body->size()) {
        const std::string& piece = (*asked_.body)[next_piece_++];
        return responder_->on_body(std::as_bytes(std::span(piece)));
      }
      std::vector<HeaderView> trailers;
      for (const auto& [name, value] : asked_.trailers) trailers.push_back({name, value});
      responder_->on_body_end(trailers);
    });
  }

  bool send_head(ResponseHead head) override {
    EXPECT_EQ(outcome_.status, 0U);
    outcome_.status = head.status;
    outcome_.headers = std::move(head.headers);
    return true;
  }
  void send_body(std::span<const std::byte> piece) override {
    EXPECT_NE(outcome_.status, 0U);
    outcome_.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    received_ += piece.size();
    EXPECT_FALSE(std::exchange(wants_writable_, true));
    if (!stalled_) later([this] { writable(); });
  }
  void finish(std::span<const Header> trailers) override {
    outcome_.trailers.assign(trailers.begin(), trailers.end());
    over();
  }
  void respond(unsigned status, std::span<const Header> headers, std::string_view body) override {
    outcome_.status = status;
    outcome_.headers.assign(headers.begin(), headers.end());
    outcome_.body = body;
    over();
  }
  void fail(unsigned status, std::string_view reason) override {
    outcome_.status = status;
    outcome_.reason = reason;
    over();
  }
  void fault(HttpFault fault, std::string_view reason) override {
    outcome_.fault = fault;
    outcome_.reason = reason;
    over();
  }

 private:
  template <class Work>
  void later(Work work) {
    shard_.post([self = shared_from_this(), work]() noexcept { work(); });
  }
  void writable() {
    if (!responder_ || outcome_.ends > 0 || !wants_writable_) return;
    wants_writable_ = false;
    responder_->on_writable();
  }
  void over() {
    ++outcome_.ends;
    later([this] { end(); });
  }
  void end() {
    if (!self_) return;
    responder_.reset();
    promise_.set_value(outcome_);
    self_.reset();
  }

  async::Shard& shard_;
  Request asked_;
  RequestHead head_;
  std::shared_ptr<TestExchange> self_;  ///< until it is over
  std::unique_ptr<Responder> responder_;
  Outcome outcome_;
  std::promise<Outcome> promise_;
  std::size_t next_piece_ = 0;
  std::atomic<std::size_t> received_{0};
  bool reading_ = false, wants_writable_ = false;
  std::atomic<bool> stalled_;
};

/// One connection as a script has it; every wait has a deadline.
class Peer {
 public:
  Peer(int socket, SSL_CTX* tls) : socket_(socket) {
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
    secure_ = SSL_accept(ssl_) == 1;
    ERR_clear_error();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { close(); }

  [[nodiscard]] bool is_secure() const { return secure_; }
  [[nodiscard]] std::string server_name() const {
    const char* name = ssl_ == nullptr ? nullptr : SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                        : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Up to and with `end`; what has come so far if the client closes.
  std::string receive_until(std::string_view end) {
    while (!received_.contains(end)) {
      if (!more()) return std::exchange(received_, {});
    }
    const auto size = received_.find(end) + end.size();
    auto text = received_.substr(0, size);
    received_.erase(0, size);
    return text;
  }
  std::string receive_head() { return receive_until("\r\n\r\n"); }
  std::string receive(std::size_t size) {
    while (received_.size() < size && more()) {
    }
    auto text = received_.substr(0, size);
    received_.erase(0, text.size());
    return text;
  }
  /// True if the client closes.
  bool sees_close() {
    while (more()) received_.clear();
    return closed_;
  }
  void reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    secure_ = false;  // no good-bye
    close();
  }
  /// A TLS connection ends properly first.
  void close() {
    if (socket_ < 0) return;
    if (ssl_ != nullptr) {
      if (secure_) SSL_shutdown(ssl_);
      SSL_free(std::exchange(ssl_, nullptr));
    }
    ::close(std::exchange(socket_, -1));
  }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  bool more() {
    if (socket_ < 0) return false;
    std::string bytes(65536, '\0');
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    const bool buffered = ssl_ != nullptr && SSL_pending(ssl_) > 0;
    if (!buffered && ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kClientPatience).count())) <= 0)
      return false;
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                     : ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      closed_ = true;
      ERR_clear_error();
      return false;
    }
    received_.append(bytes, 0, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  SSL* ssl_ = nullptr;
  bool secure_ = false, closed_ = false;
  std::string received_;
};

/// Runs the script once for each connection, in a thread of its own; `index` counts from 0.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer& peer, int index)>;

  explicit ScriptedServer(Script script, SSL_CTX* tls = nullptr, bool v6 = false)
      : script_(std::move(script)),
        tls_(tls),
        listener_(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write()
    sockaddr_in six_not{};
    six_not.sin_family = AF_INET;
    six_not.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    const auto* const address =
        v6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&six_not);
    socklen_t size = v6 ? sizeof(six) : sizeof(six_not);
    listening_ = ::bind(listener_, address, size) == 0 && ::listen(listener_, 128) == 0;
    sockaddr_in6 bound{};
    size = sizeof(bound);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin6_port);  // at the same place in both kinds of address
    acceptor_ = std::thread([this] { accept(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] bool is_listening() const { return listening_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string authority(std::string_view host = "127.0.0.1") const {
    return std::string(host) + ":" + std::to_string(port_);
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      threads_.emplace_back([this, socket, index = connections_++] {
        Peer peer(socket, tls_);
        script_(peer, index);
      });
    }
  }

  Script script_;
  SSL_CTX* tls_;
  int listener_;
  bool listening_ = false;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;  ///< touched by the acceptor, then by the destructor
};

class ClientTest : public ::testing::Test {
 protected:
  void make(ClientConfig config = {.trust = {.system_roots = false, .extra_roots_file = {}}}) {
    auto made = ClientHandler::create(shards_, std::move(config));
    ASSERT_TRUE(made) << made.error().to_string();
    client_ = *std::move(made);
  }
  void TearDown() override {
    client_.reset();
    shards_.stop();
    EXPECT_EQ(shards_.at(0).failures(), 0U);
  }

  std::shared_ptr<TestExchange> begin(Request request) {
    if (!client_) make();
    auto exchange = std::make_shared<TestExchange>(shards_.at(0), std::move(request));
    shards_.at(0).post([this, exchange]() noexcept { exchange->start(*client_); });
    return exchange;
  }
  static Outcome wait(std::future<Outcome> future) {
    if (future.wait_for(kClientPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no outcome";
      return {};
    }
    auto outcome = future.get();
    EXPECT_EQ(outcome.ends, 1);
    return outcome;
  }
  Outcome fetch(Request request) { return wait(begin(std::move(request))->outcome()); }
  /// From a server that answers every request with these bytes and closes.
  Outcome fetch_bytes(std::string_view answer, Request request = {}) {
    ScriptedServer server([answer](Peer& peer, int) {
      peer.receive_head();
      peer.send(answer);
    });
    request.authority = server.authority();
    return fetch(std::move(request));
  }

  async::ShardPool shards_{1};
  std::unique_ptr<ClientHandler> client_;
};

}  // namespace weft::web::test
