// SPDX-License-Identifier: Apache-2.0
/// Loads an HTTP server on this machine and prints what it saw as one JSON object.
/// Closed loop (each connection sends when it has its answer) unless --rate is given; then requests are due at fixed
/// times and latency counts from when one was due, so that a server that stalls cannot hide it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "response_scanner.hpp"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::string path = "/";
  unsigned connections = 64;
  unsigned threads = 1;
  double seconds = 3;
  double warmup = 0.5;
  double rate = 0;  // requests/s over all connections; 0: closed loop
  std::uint64_t body = 0;
};

struct Tally {
  std::vector<std::uint32_t> microseconds;
  std::uint64_t errors = 0;
  std::uint64_t bytes_in = 0;
};

struct Connection {
  int fd = -1;
  bool busy = false;
  bool watches_writes = false;
  std::size_t sent = 0;
  Clock::time_point due;
  ResponseScanner scanner;
};

/// The connections of one thread. Threads: each Worker on its own.
class Worker {
 public:
  Worker(const Options& options, unsigned first, unsigned count, const std::string& request)
      : options_(options), request_(request), epoll_(epoll_create1(EPOLL_CLOEXEC)), connections_(count) {
    begin_ = Clock::now();
    measure_ = begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.warmup));
    end_ = measure_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
    if (options.rate > 0) {
      interval_ = std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(options.connections / options.rate));
    }
    for (unsigned i = 0; i < count; ++i) {
      // Spread over one interval, so that requests do not come in waves.
      connections_[i].due = begin_ + interval_ * (first + i) / options.connections;
    }
  }
  ~Worker() {
    for (const auto& connection : connections_) {
      if (connection.fd >= 0) {
        ::close(connection.fd);
      }
    }
    ::close(epoll_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const auto now = Clock::now();
      if (now >= end_) {
        return;
      }
      const auto next = start_due(now);
      const auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(std::max(next - now, Clock::duration(0)));
      const timespec timeout{.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
      const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        const auto& event = events.at(static_cast<std::size_t>(i));
        serve(connections_[event.data.u32], event.events);
      }
    }
  }

  Tally tally;

 private:
  /// Sends what is due on connections that are free; returns when to look again.
  Clock::time_point start_due(Clock::time_point now) {
    auto next = end_;
    for (auto& connection : connections_) {
      if (connection.busy) {
        continue;
      }
      if (connection.due <= now) {
        begin_request(connection, now);
      }
      if (!connection.busy) {
        next = std::min(next, connection.due);
      }
    }
    return next;
  }

  void begin_request(Connection& connection, Clock::time_point now) {
    if (connection.fd < 0 && !connect(connection)) {
      return fail(connection);
    }
    if (options_.rate <= 0) {
      connection.due = now;
    }
    connection.busy = true;
    connection.sent = 0;
    connection.scanner.reset();
    send(connection);
  }

  bool connect(Connection& connection) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(fd);
      return false;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    connection.fd = fd;
    connection.watches_writes = false;
    epoll_event event{.events = EPOLLIN, .data = {.u32 = index_of(connection)}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    return true;
  }

  void send(Connection& connection) {
    while (connection.sent < request_.size()) {
      const auto count =
          ::send(connection.fd, request_.data() + connection.sent, request_.size() - connection.sent, MSG_NOSIGNAL);
      if (count < 0) {
        if (errno == EAGAIN) {
          break;
        }
        return fail(connection);
      }
      connection.sent += static_cast<std::size_t>(count);
    }
    const bool unsent = connection.sent < request_.size();
    if (unsent != connection.watches_writes) {
      connection.watches_writes = unsent;
      epoll_event event{.events = EPOLLIN | (unsent ? EPOLLOUT : 0U), .data = {.u32 = index_of(connection)}};
      epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }
  }

  void serve(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && connection.busy) {
      send(connection);
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0 || connection.fd < 0) {
      return;
    }
    const auto count = ::recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EAGAIN) {
      return;
    }
    // A server may close a connection that waits; that is no error, the next request opens a new one.
    if (count <= 0 && !connection.busy) {
      return disconnect(connection);
    }
    if (count <= 0) {
      return fail(connection);
    }
    tally.bytes_in += static_cast<std::uint64_t>(count);
    switch (connection.scanner.feed({buffer_.data(), static_cast<std::size_t>(count)})) {
      case ResponseScanner::Verdict::more:
        return;
      case ResponseScanner::Verdict::broken:
        return fail(connection);
      case ResponseScanner::Verdict::done:
        return finish(connection);
    }
  }

  void finish(Connection& connection) {
    if (connection.scanner.status() != 200 || connection.sent < request_.size()) {
      return fail(connection);
    }
    const auto now = Clock::now();
    if (now >= measure_ && now < end_) {
      tally.microseconds.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now - connection.due).count()));
    }
    connection.busy = false;
    if (options_.rate > 0) {
      connection.due += interval_;
    } else {
      begin_request(connection, now);
    }
  }

  void disconnect(Connection& connection) {
    if (connection.fd >= 0) {
      ::close(connection.fd);
      connection.fd = -1;
    }
  }

  void fail(Connection& connection) {
    ++tally.errors;
    disconnect(connection);
    connection.busy = false;
    // Not at once: a dead server must not turn this into a spin.
    connection.due = std::max(connection.due + interval_, Clock::now() + std::chrono::milliseconds(1));
  }

  [[nodiscard]] std::uint32_t index_of(const Connection& connection) const {
    return static_cast<std::uint32_t>(&connection - connections_.data());
  }

  const Options& options_;
  const std::string& request_;
  int epoll_;
  std::vector<Connection> connections_;
  Clock::time_point begin_, measure_, end_;
  Clock::duration interval_{0};
  std::array<char, 65536> buffer_;
};

double percentile(const std::vector<std::uint32_t>& sorted, double share) {
  if (sorted.empty()) {
    return 0;
  }
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

std::string make_request(const Options& options) {
  if (options.body == 0) {
    return fmt::format("GET {} HTTP/1.1\r\nhost: {}:{}\r\n\r\n", options.path, options.host, options.port);
  }
  return fmt::format("POST {} HTTP/1.1\r\nhost: {}:{}\r\ncontent-length: {}\r\n\r\n", options.path, options.host,
                     options.port, options.body) +
         std::string(options.body, 'w');
}

void run(const Options& options) {
  const std::string request = make_request(options);
  std::vector<std::unique_ptr<Worker>> workers;
  unsigned first = 0;
  for (unsigned i = 0; i < options.threads; ++i) {
    const unsigned count = (options.connections - first) / (options.threads - i);
    workers.push_back(std::make_unique<Worker>(options, first, count, request));
    first += count;
  }
  std::vector<std::thread> threads;
  threads.reserve(workers.size());
  for (const auto& worker : workers) {
    threads.emplace_back([&worker] { worker->run(); });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  Tally sum;
  for (const auto& worker : workers) {
    sum.errors += worker->tally.errors;
    sum.bytes_in += worker->tally.bytes_in;
    sum.microseconds.insert(sum.microseconds.end(), worker->tally.microseconds.begin(),
                            worker->tally.microseconds.end());
  }
  std::sort(sum.microseconds.begin(), sum.microseconds.end());
  const auto& sorted = sum.microseconds;
  fmt::print(
      "{{\"requests\": {}, \"errors\": {}, \"rps\": {:.1f}, \"p50_us\": {}, \"p99_us\": {}, \"p999_us\": {}, "
      "\"max_us\": {}}}\n",
      sorted.size(), sum.errors, static_cast<double>(sorted.size()) / options.seconds, percentile(sorted, 0.5),
      percentile(sorted, 0.99), percentile(sorted, 0.999), percentile(sorted, 1));
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  weft::bench::Options options;
  CLI::App app("loads an HTTP server on this machine");
  app.add_option("--host", options.host);
  app.add_option("--port", options.port)->required();
  app.add_option("--path", options.path);
  app.add_option("--connections", options.connections)->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads)->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds);
  app.add_option("--warmup", options.warmup);
  app.add_option("--rate", options.rate);
  app.add_option("--body", options.body, "bytes of a POST body; 0: GET");
  CLI11_PARSE(app, argc, argv);
  options.threads = std::min(options.threads, options.connections);
  weft::bench::run(options);
  return 0;
}
