// SPDX-License-Identifier: Apache-2.0
/// The `weft` executable: hands the real world to the commands.
#include "cli/commands.hpp"
#include "cli/lattice/connect.hpp"
#include "cli/native_guest_tools.hpp"
#include "cli/process_console.hpp"
#include "cli/signal_interrupts.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <string_view>

namespace {

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** at = ::environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that left is an error of write(), not the end of a server.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  // RUST_BACKTRACE is for panics. Without this it would also add weft's own stack to each error of a guest, at a tenth
  // of a second of its shard's time. NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet
  static_cast<void>(::setenv("RUST_LIB_BACKTRACE", "0", 0));
  weft::cli::ProcessConsole console;
  weft::cli::SignalInterrupts interrupts;
  weft::cli::NativeGuestTools guest_tools;
  weft::cli::Context context{
      .console = console,
      .interrupts = interrupts,
      .guest_tools = guest_tools,
      .getenv = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing sets variables here
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .make_host = weft::Host::create,
      .library_versions = weft::library_versions,
      .compiler_versions = weft::compiler_versions,
      .now = std::chrono::system_clock::now,
      .exit_now = [](int code) { ::_exit(code); },
      .connect_bus = weft::cli::connect_bus,
      .environment = environment,
  };
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return weft::cli::run_weft(words, context);
}
