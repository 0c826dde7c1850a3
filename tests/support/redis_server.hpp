// SPDX-License-Identifier: Apache-2.0
/// A real redis-server for one test: a child process on a free port, which writes every change to a folder of its own.
/// It can be killed, paused, and started again on the same port.
///
/// Owns the process and the folder. WEFT_REDIS_SERVER names another binary than the redis-server of the PATH.
/// Threads: not thread-safe.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace weft::test {

class RedisServer {
 public:
  /// `options`: more of the command line, "--requirepass" and the like. Nothing when there is no server to run, or it
  /// does not come up; `why_not()` then says so.
  static std::unique_ptr<RedisServer> start(std::vector<std::string> options = {});
  static std::string why_not();
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string socket_path() const { return (folder_ / "socket").string(); }
  /// What it has logged so far.
  [[nodiscard]] std::string log() const;

  /// As kill -9.
  void kill();
  /// On the same port, with its data. False when it did not come up.
  bool start_again();
  /// Stops it from answering, and lets it go on.
  void pause();
  void resume();

 private:
  RedisServer(std::vector<std::string> options, std::filesystem::path folder);
  bool launch();
  [[nodiscard]] bool wait_until_ready();

  std::vector<std::string> options_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t process_ = -1;
};

}  // namespace weft::test
