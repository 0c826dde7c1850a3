// SPDX-License-Identifier: Apache-2.0
#include "support/redis_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "support/child.hpp"
#include "support/nats_server.hpp"

namespace weft::test {
namespace {

constexpr std::chrono::seconds kPatience{20};
/// redis-server takes no port of the system's choice, and another process may be quicker with the one that is free.
constexpr int kPorts = 5;

std::string binary() {
  const char* named = std::getenv("WEFT_REDIS_SERVER");
  return named != nullptr && *named != '\0' ? named : "redis-server";
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

// Any answer will do: also one that asks for a password.
bool answers(int port) {
  const int asker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(port);
  char first = 0;
  bool is_ready = connect(asker, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                  send(asker, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && recv(asker, &first, 1, 0) == 1;
  // "-LOADING" while it reads its data, "-NOAUTH" when it is ready.
  if (is_ready && first == '-') {
    is_ready = recv(asker, &first, 1, 0) == 1 && first != 'L';
  }
  close(asker);
  return is_ready;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options, std::filesystem::path folder)
    : options_(std::move(options)), folder_(std::move(folder)) {}

std::unique_ptr<RedisServer> RedisServer::start(std::vector<std::string> options) {
  std::unique_ptr<RedisServer> server(new RedisServer(std::move(options), make_test_folder()));
  for (int attempt = 0; attempt < kPorts && !server->folder_.empty(); ++attempt) {
    server->port_ = free_port();
    if (server->launch()) {
      return server;
    }
    server->kill();
  }
  return nullptr;
}

std::string RedisServer::why_not() {
  return "`" + binary() + "` did not start: install redis-server, or name one with WEFT_REDIS_SERVER";
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string RedisServer::log() const {
  std::ifstream file(folder_ / "log", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool RedisServer::launch() {
  std::vector<std::string> words{binary(),
                                 "--port",
                                 std::to_string(port_),
                                 "--bind",
                                 "127.0.0.1",
                                 "--unixsocket",
                                 socket_path(),
                                 "--dir",
                                 folder_.string(),
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "yes",
                                 "--appendfsync",
                                 "always"};
  words.insert(words.end(), options_.begin(), options_.end());
  process_ = start_child(words, folder_ / "log");
  return process_ > 0 && wait_until_ready();
}

bool RedisServer::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      return false;
    }
    if (answers(port_)) {
      return true;
    }
    // Nobody tells when it listens.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

void RedisServer::kill() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }
}

bool RedisServer::start_again() {
  kill();
  return launch();
}

void RedisServer::pause() { ::kill(process_, SIGSTOP); }

void RedisServer::resume() { ::kill(process_, SIGCONT); }

}  // namespace weft::test
