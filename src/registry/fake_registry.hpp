// SPDX-License-Identifier: Apache-2.0
/// For tests: an HTTP server that answers each request as a script says, and breaks off, stalls or never ends on
/// demand. One thread per connection, one request per connection. Threads: requests() from any.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weft::registry::testing_support {

struct FakeRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct FakeReply {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};
  std::optional<std::size_t> cut_after{};  ///< bytes of the body, with the length of all of it announced
  bool endless = false;                    ///< the body, again and again
  bool stalls = false;                     ///< after the head and `cut_after` of the body
  bool announces_length = true;
};

class FakeRegistry {
 public:
  using Script = std::function<FakeReply(const FakeRequest&)>;

  explicit FakeRegistry(Script script) : script_(std::move(script)), end_(::eventfd(0, EFD_CLOEXEC)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] { accept_all(); });
  }
  ~FakeRegistry() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(end_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
    accepting_.join();
    connections_.clear();
    ::close(listener_);
    ::close(end_);
  }
  FakeRegistry(const FakeRegistry&) = delete;
  FakeRegistry& operator=(const FakeRegistry&) = delete;

  /// "127.0.0.1:12345".
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url(std::string_view path) const { return "http://" + host() + std::string(path); }
  [[nodiscard]] std::vector<FakeRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  /// Whether it can be read before the server ends.
  [[nodiscard]] bool wait_for(int descriptor) const {
    pollfd both[] = {{.fd = descriptor, .events = POLLIN, .revents = 0}, {.fd = end_, .events = POLLIN, .revents = 0}};
    ::poll(both, 2, -1);
    return both[1].revents == 0;
  }

  void accept_all() {
    while (wait_for(listener_)) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) connections_.emplace_back([this, connection] { serve(connection); });
    }
  }

  bool read_more(int connection, std::string& bytes) const {
    char chunk[65536];
    if (!wait_for(connection)) return false;
    const auto count = ::recv(connection, chunk, sizeof chunk, 0);
    if (count > 0) bytes.append(chunk, static_cast<std::size_t>(count));
    return count > 0;
  }

  std::optional<FakeRequest> read_request(int connection) const {
    std::string bytes;
    while (!bytes.contains("\r\n\r\n")) {
      if (!read_more(connection, bytes)) return std::nullopt;
    }
    FakeRequest request;
    const auto head_end = bytes.find("\r\n\r\n");
    std::string_view head = std::string_view(bytes).substr(0, head_end);
    const auto line = head.substr(0, head.find("\r\n"));
    request.method = line.substr(0, line.find(' '));
    request.target = line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
    while (head.contains("\r\n")) {
      head.remove_prefix(head.find("\r\n") + 2);
      const auto field = head.substr(0, head.find("\r\n"));
      std::string name(field.substr(0, field.find(": ")));
      for (char& c : name) c = static_cast<char>(::tolower(c));
      request.headers[name] = field.substr(field.find(": ") + 2);
    }
    const auto length = request.header("content-length");
    request.body = bytes.substr(head_end + 4);
    while (!length.empty() && request.body.size() < std::stoul(length)) {
      if (!read_more(connection, request.body)) return std::nullopt;
    }
    return request;
  }

  void serve(int connection) {
    // A client that does not read must not keep the test from ending.
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (const auto request = read_request(connection)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      const auto reply = script_(*request);
      answer(connection, *request, reply);
      // Until the client has closed or the server ends.
      std::string rest;
      if (reply.stalls) static_cast<void>(read_more(connection, rest));
    }
    ::close(connection);
  }

  static bool send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  static void answer(int connection, const FakeRequest& request, const FakeReply& reply) {
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " -\r\nConnection: close\r\n";
    if (reply.announces_length && !reply.endless && !reply.headers.contains("Content-Length")) {
      head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    }
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    if (!send_all(connection, head + "\r\n") || request.method == "HEAD") return;
    if (!send_all(connection, std::string_view(reply.body).substr(0, reply.cut_after.value_or(reply.body.size()))))
      return;
    while (reply.endless && send_all(connection, reply.body)) {
    }
  }

  Script script_;
  int end_ = -1;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;
};

}  // namespace weft::registry::testing_support
