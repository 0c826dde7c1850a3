// SPDX-License-Identifier: Apache-2.0
#include "host/nats_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/unique_fd.hpp"
#include "supervision/process_node.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::uint16_t kUsualPort = 4222;
constexpr std::chrono::milliseconds kProbe{400};
/// A child of a host that was killed dies a moment after it.
constexpr std::chrono::milliseconds kLastGasp{200};
/// What every NATS server says first.
constexpr std::string_view kGreeting = "INFO ";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool becomes(int socket, short events) {
  pollfd wanted{.fd = socket, .events = events, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(kProbe.count())) == 1;
}

/// Whether a NATS server greets on that port.
bool answers(std::uint16_t port) {
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto address = loopback(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return false;
  }
  std::array<char, kGreeting.size()> greeting{};
  return becomes(socket.get(), POLLOUT) && becomes(socket.get(), POLLIN) &&
         ::recv(socket.get(), greeting.data(), greeting.size(), 0) == static_cast<ssize_t>(greeting.size()) &&
         std::string_view(greeting.data(), greeting.size()) == kGreeting;
}

/// A port that can be listened on: this one, or with 0 one of the system's choice.
std::optional<std::uint16_t> free_port(std::uint16_t wanted) {
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(wanted);
  socklen_t length = sizeof address;
  const int reuse = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(socket.get(), 1) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return std::nullopt;
  }
  return ntohs(address.sin_port);
}

std::optional<std::uint16_t> kept_port(const fs::path& file) {
  std::ifstream in(file);
  std::string text;
  std::uint16_t port = 0;
  in >> text;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && port != 0 ? std::optional(port) : std::nullopt;
}

Result<std::string> find_program(const std::string& named) {
  if (!named.empty()) {
    return named;
  }
  std::string places = "/usr/sbin:/usr/local/bin";  // Debian has it in sbin, which is not on everybody's PATH
  if (const char* path = std::getenv("PATH"); path != nullptr && *path != '\0') {
    places = std::string(path) + ":" + places;
  }
  for (std::size_t at = 0; at <= places.size();) {
    const auto end = std::min(places.find(':', at), places.size());
    auto candidate = places.substr(at, end - at) + "/nats-server";
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    at = end + 1;
  }
  return Error(Errc::not_found, "there is no nats-server on this machine, and no NATS server answers on it",
               "install the package nats-server, or name a server with --nats nats://HOST:4222", Blame::operator_);
}

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

Result<void> write_file(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::trunc);
  out << text;
  out.close();
  if (!out) {
    return Error(Errc::io, fmt::format("cannot write {}", file.string()),
                 "the data folder must be writable and have room", Blame::environment);
  }
  return {};
}

LogLevel level_of(std::string_view line) {
  const auto has = [line](std::string_view mark) { return line.find(mark) != std::string_view::npos; };
  if (has("[ERR]") || has("[FTL]")) {
    return LogLevel::error;
  }
  return has("[WRN]") ? LogLevel::warning : LogLevel::debug;
}

}  // namespace

Result<NatsServerPlan> plan_nats_server(const std::string& data_dir, const std::string& program) {
  if (data_dir.empty()) {
    return Error(Errc::invalid_argument, "a NATS server of this host's own needs a data folder",
                 "name one with --data-dir", Blame::operator_);
  }
  const auto folder = fs::absolute(data_dir) / "nats";
  std::error_code failed;
  if (fs::create_directories(folder, failed)) {
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
  if (failed) {
    return Error(Errc::io, fmt::format("cannot make {}: {}", folder.string(), failed.message()), {},
                 Blame::environment);
  }
  const auto kept = kept_port(folder / "port");
  NatsServerPlan plan{.port = kept.value_or(kUsualPort), .answers = false, .program = {}, .configuration = {}};
  plan.answers = answers(plan.port);
  if (plan.answers && kept) {
    std::this_thread::sleep_for(kLastGasp);
    plan.answers = answers(plan.port);
  }
  if (plan.answers) {
    return plan;
  }
  WEFT_TRY(plan.program, find_program(program));
  auto port = free_port(plan.port);
  if (!port) {
    port = free_port(0);
  }
  if (!port) {
    return Error(Errc::resource_exhausted, "there is no free port for a NATS server", {}, Blame::environment);
  }
  plan.port = *port;
  plan.configuration = (folder / "server.conf").string();
  WEFT_CHECK(write_file(plan.configuration, fmt::format("# Written by weft at every start.\nhost: 127.0.0.1\nport: {}\n"
                                                        "jetstream {{ store_dir: {} }}\n",
                                                        plan.port, in_quotes(folder.string()))));
  WEFT_CHECK(write_file(folder / "port", fmt::format("{}\n", plan.port)));
  return plan;
}

supervision::ChildSpec nats_server_child(std::shared_ptr<supervision::AsioRuntime> runtime, const NatsServerPlan& plan,
                                         const LogSink& log) {
  supervision::ChildSpec spec;
  spec.name = "nats-server";
  spec.kind = "process " + plan.url();
  spec.make = [runtime = std::move(runtime), plan, &log] {
    supervision::ProcessSpec process;
    process.command.program = plan.program;
    process.command.arguments = {"-c", plan.configuration};
    process.on_line = [&log](supervision::OutputStream /*stream*/, std::string_view line) {
      log(level_of(line), "nats-server", line);
    };
    process.is_ready = [](supervision::OutputStream /*stream*/, std::string_view line) {
      return line.find("Server is ready") != std::string_view::npos;
    };
    return supervision::make_process_node(runtime, std::move(process));
  };
  return spec;
}

}  // namespace weft::host
