// SPDX-License-Identifier: Apache-2.0
/// The yardstick of docs/performance.md: weft's own HTTP server with nothing behind it. GET anything answers "Hello,
/// world!\n"; /echo gives the request body back as it comes. Usage: bare_server [ADDRESS [SHARDS]]; prints the URL and
/// serves until SIGINT or SIGTERM.
#include <pthread.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "async/shard.hpp"
#include "web/server.hpp"

namespace {

using weft::web::BodilessResponder;
using weft::web::Exchange;
using weft::web::HeaderView;
using weft::web::Responder;

class Hello final : public BodilessResponder {
 public:
  explicit Hello(Exchange& exchange) : exchange_(exchange) {}
  void start() override {
    static const std::array<weft::web::Header, 1> headers = {{{"content-type", "text/plain"}}};
    exchange_.respond(200, headers, "Hello, world!\n");
  }

 private:
  Exchange& exchange_;
};

class Echo final : public Responder {
 public:
  explicit Echo(Exchange& exchange) : exchange_(exchange) {}
  void start() override {
    exchange_.send_head({.status = 200, .headers = {{"content-type", "application/octet-stream"}}});
    exchange_.read_body();
  }
  void on_body(std::span<const std::byte> piece) override { exchange_.send_body(piece); }
  void on_body_end(std::span<const HeaderView>) override { exchange_.finish({}); }
  void on_writable() override { exchange_.read_body(); }
  void on_disconnect() override {}

 private:
  Exchange& exchange_;
};

class Bare final : public weft::web::Handler {
 public:
  std::unique_ptr<Responder> on_request(Exchange& exchange) override {
    if (exchange.request().path_and_query == "/echo") return std::make_unique<Echo>(exchange);
    return std::make_unique<Hello>(exchange);
  }
};

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Bare handler;
  weft::async::ShardPool pool(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0);
  auto server = weft::web::Server::create(
      pool, handler, {.address = argc > 1 ? argv[1] : "127.0.0.1:8000", .limits = {}, .access_log = {}});
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().to_string().c_str());
    return 1;
  }
  std::printf("http://%s/\n", (*server)->address().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->close(std::chrono::seconds(1));
  return 0;
}
