// SPDX-License-Identifier: Apache-2.0
// Lets the client talk over loopback to a server that sends whatever the input says, in pieces and over several
// connections, whatever the request was. Whatever comes, each exchange must be over exactly once, a whole answer must
// have had a head, and nothing may be left behind.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "web/client_exchange.hpp"
#include "web/client_shard.hpp"

namespace {

using namespace weft;
using namespace weft::web;

void insist(bool condition) {
  if (!condition) std::abort();
}

/// The input, read from the front.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() { return bytes_.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(text(1)[0]); }
  std::string_view text(std::size_t size) {
    const auto part = bytes_.substr(0, size);
    bytes_.remove_prefix(part.size());
    return part;
  }

 private:
  std::string_view bytes_;
};

class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    insist(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0 && ::listen(socket_, 64) == 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    authority = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(socket_); }
  int accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }
  std::string authority;

 private:
  int socket_;
};

class FuzzExchange final : public Exchange {
 public:
  FuzzExchange(async::Shard& shard, std::string_view authority, std::uint8_t kind) : shard_(shard) {
    constexpr std::string_view methods[] = {"GET", "HEAD", "POST", "PUT"};
    head_.method = methods[kind & 3U];
    head_.scheme = "http";
    head_.authority = authority;
    head_.path_and_query = "/";
    pieces_ = (kind >> 2U) & 7U;
    head_.has_body = pieces_ > 0;
  }
  [[nodiscard]] const RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return "fuzz"; }
  void read_body() override {
    insist(!over);
    shard_.post([this]() noexcept {
      if (over || !responder) return;
      const std::string piece(100, 'p');
      if (--pieces_ > 0) return responder->on_body(std::as_bytes(std::span(piece)));
      responder->on_body_end({});
    });
  }
  bool send_head(ResponseHead head) override {
    insist(!over && status_ == 0 && head.status >= 200);
    status_ = head.status;
    return true;
  }
  void send_body(std::span<const std::byte> piece) override {
    insist(!over && status_ != 0 && !piece.empty());
    shard_.post([this]() noexcept {
      if (!over && responder) responder->on_writable();
    });
  }
  void finish(std::span<const Header> /*trailers*/) override {
    insist(status_ != 0);
    end();
  }
  void respond(unsigned /*status*/, std::span<const Header> /*headers*/, std::string_view /*body*/) override { end(); }
  void fail(unsigned /*status*/, std::string_view /*reason*/) override { end(); }
  void fault(HttpFault /*fault*/, std::string_view reason) override {
    insist(!reason.empty());
    end();
  }

  std::unique_ptr<Responder> responder;
  bool over = false;

 private:
  void end() {
    insist(!over);
    over = true;
  }
  async::Shard& shard_;
  RequestHead head_;
  unsigned pieces_ = 0, status_ = 0;
};

/// Does what is ready, so often that what follows from it is done too.
void settle(async::Shard& shard) {
  for (int i = 0; i < 3; ++i) {
    shard.io().restart();
    while (shard.io().poll() > 0) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static async::Shard shard(0);
  static const Listener listener;
  Script script(data, size);
  const auto client = std::make_shared<ClientShard>(shard, ClientConfig{.max_header_bytes = 2048}, nullptr);
  std::vector<int> peers;
  for (int requests = 0; requests < 3 && !script.empty(); ++requests) {
    FuzzExchange exchange(shard, listener.authority, script.byte());
    exchange.responder = std::make_unique<ClientExchange>(client, exchange);
    exchange.responder->start();
    while (!exchange.over) {
      settle(shard);
      for (int fresh = listener.accept(); fresh >= 0; fresh = listener.accept()) peers.push_back(fresh);
      settle(shard);
      if (exchange.over || script.empty()) break;
      // Lowest bits: how this step ends; the rest: how many bytes it sends.
      const auto step = script.byte();
      const auto text = script.text(step >> 2U);
      for (const int peer : peers) {
        char sink[4096];
        while (::recv(peer, sink, sizeof(sink), 0) > 0) {
        }
        ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      }
      if ((step & 3U) == 3) {
        for (const int peer : peers) ::close(peer);
        peers.clear();
      }
    }
    settle(shard);
    if (!exchange.over) exchange.responder->on_disconnect();
    exchange.responder.reset();
    settle(shard);
  }
  insist(client->running() == 0);
  client->cancel_all();
  settle(shard);
  for (const int peer : peers) ::close(peer);
  for (int fresh = listener.accept(); fresh >= 0; fresh = listener.accept()) ::close(fresh);
  return 0;
}
