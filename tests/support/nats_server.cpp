// SPDX-License-Identifier: Apache-2.0
#include "support/nats_server.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "support/child.hpp"

namespace weft::test {
namespace {

constexpr std::chrono::seconds kPatience{20};

std::string binary() {
  const char* named = std::getenv("WEFT_NATS_SERVER");
  if (named != nullptr && *named != '\0') {
    return named;
  }
  // Debian has it in sbin, which is not on everybody's PATH.
  for (const char* place : {"/usr/bin/nats-server", "/usr/sbin/nats-server", "/usr/local/bin/nats-server"}) {
    if (access(place, X_OK) == 0) {
      return place;
    }
  }
  return "nats-server";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path ports_file(const std::filesystem::path& folder) {
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
    if (entry.path().extension() == ".ports") {
      return entry.path();
    }
  }
  return {};
}

// {"nats":["nats://127.0.0.1:41235"]}; -1 when it is not complete.
int read_port(const std::string& text) {
  const auto list = text.find("\"nats\"");
  const auto colon = list == text.npos ? list : text.find("127.0.0.1:", list);
  const auto end = colon == text.npos ? colon : text.find('"', colon);
  return end == text.npos ? -1 : std::atoi(text.c_str() + colon + std::string("127.0.0.1:").size());
}

}  // namespace

std::filesystem::path make_test_folder() {
  auto name = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
  return mkdtemp(name.data()) == nullptr ? std::filesystem::path() : std::filesystem::path(name);
}

NatsServer::NatsServer(NatsServerOptions options, std::filesystem::path folder)
    : options_(std::move(options)), folder_(std::move(folder)) {}

std::unique_ptr<NatsServer> NatsServer::start(NatsServerOptions options) {
  std::unique_ptr<NatsServer> server(new NatsServer(std::move(options), make_test_folder()));
  return !server->folder_.empty() && server->launch() ? std::move(server) : nullptr;
}

std::string NatsServer::why_not() {
  return "`" + binary() + "` did not start: install nats-server, or name one with WEFT_NATS_SERVER";
}

NatsServer::~NatsServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string NatsServer::log() const { return read_file(folder_ / "log"); }

void NatsServer::write_configuration() const {
  std::ofstream file(folder_ / "server.conf");
  file << "host: 127.0.0.1\nport: " << port_ << "\nports_file_dir: \"" << folder_.string() << "\"\n";
  if (options_.jetstream) {
    file << "jetstream { store_dir: \"" << (folder_ / "data").string() << "\"";
    if (!options_.domain.empty()) {
      file << ", domain: " << options_.domain;
    }
    file << " }\n";
  }
  file << options_.configuration << '\n';
}

bool NatsServer::launch() {
  write_configuration();
  std::error_code ignored;
  std::filesystem::remove(ports_file(folder_), ignored);
  process_ = start_child({binary(), "-c", (folder_ / "server.conf").string()}, folder_ / "log");
  return process_ > 0 && wait_for_port();
}

bool NatsServer::wait_for_port() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline && !has_ended()) {
    // Nobody tells when the file is there.
    if (const auto file = ports_file(folder_); !file.empty()) {
      if (const int port = read_port(read_file(file)); port > 0) {
        port_ = port;
        return true;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

bool NatsServer::has_ended() {
  if (process_ > 0 && waitpid(process_, nullptr, WNOHANG) == process_) {
    process_ = -1;
  }
  return process_ < 0;
}

void NatsServer::kill() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }
}

bool NatsServer::start_again(Data data) {
  kill();
  if (data == Data::lose) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_ / "data", ignored);
  }
  return launch();
}

void NatsServer::pause() { ::kill(process_, SIGSTOP); }

void NatsServer::resume() { ::kill(process_, SIGCONT); }

}  // namespace weft::test
