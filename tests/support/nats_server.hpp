// SPDX-License-Identifier: Apache-2.0
/// A real nats-server for one test: a child process on a port of the system's choice, with its data in a folder of its
/// own. It can be killed, paused, and started again on the same port, with its data or without.
///
/// Owns the process and the folder; both are gone with it, and the process also when the test program dies.
/// WEFT_NATS_SERVER names another binary than the nats-server of the PATH. Threads: not thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace weft::test {

enum class Data : std::uint8_t { keep, lose };

struct NatsServerOptions {
  bool jetstream = true;
  std::string domain;         ///< of JetStream
  std::string configuration;  ///< more lines of the server's configuration
};

class NatsServer {
 public:
  /// Nothing when there is no server to run, or it does not come up; `why_not()` then says so.
  static std::unique_ptr<NatsServer> start(NatsServerOptions options = {});
  static std::string why_not();
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  /// For files that the configuration names.
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  /// What it has logged so far.
  [[nodiscard]] std::string log() const;

  /// As kill -9.
  void kill();
  /// On the same port. False when it did not come up.
  bool start_again(Data data);
  /// Stops it from answering, and lets it go on.
  void pause();
  void resume();

 private:
  NatsServer(NatsServerOptions options, std::filesystem::path folder);
  bool launch();
  void write_configuration() const;
  [[nodiscard]] bool wait_for_port();
  bool has_ended();

  NatsServerOptions options_;
  std::filesystem::path folder_;
  int port_ = -1;
  pid_t process_ = -1;
};

/// A folder under the system's temporary one, new and private.
std::filesystem::path make_test_folder();

}  // namespace weft::test
