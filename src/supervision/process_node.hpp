// SPDX-License-Identifier: Apache-2.0
/// A process of the operating system as a node: started, read, watched, asked to end (SIGTERM to its group), and killed
/// with its group. Nothing of its group is left when it has ended, and the kernel kills it when we die (spawn.hpp).
/// It is watched by its pidfd: the embedding program keeps its SIGCHLD.
///
/// It may write as much as it wants: nobody waits for its output but itself. Lines are read as fast as a pipe is filled
/// some two hundred times a second; a process that writes faster waits for that. What it reads is written while it
/// runs, so one that never reads holds nobody up; what one that closes its input has not read is let go.
///
/// Ready: by `is_ready` or `on_started`, if one is given; else as soon as the program runs. An end that was not asked
/// for is normal with status 0 and else a failure with the last lines of its standard error as detail.
/// Ownership: owns the process. Destroying the node kills the group and waits up to a second for the process to be
/// reaped. Threads: the runtime's; that thread must outlive the process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "supervision/asio_runtime.hpp"
#include "supervision/node.hpp"
#include "supervision/spawn.hpp"

namespace weft::supervision {

enum class OutputStream : std::uint8_t { output, errors };

struct ProcessSpec {
  Command command{};
  /// All it reads on its standard input, then the end.
  std::string input{};
  /// Each line it writes, without the line end; those beyond 16 KiB come in pieces.
  std::function<void(OutputStream stream, std::string_view line)> on_line{};
  /// Looks at each line until it says that the process is ready.
  std::function<bool(OutputStream stream, std::string_view line)> is_ready{};
  /// The program runs. Whoever gives this says `life.ready()` some time.
  std::function<void(const Life& life, pid_t pid)> on_started{};
  /// Asks the process to end in its own way (a message). True: it was asked, and SIGTERM is spared.
  std::function<bool()> ask_to_stop{};
  /// SIGTERM follows so long after it was asked all the same; 0: it does not.
  Duration asking_budget{0};
  /// Nothing of its group runs any more. Whoever gives this says `life.ended(...)` some time, with that error if there
  /// is one; nothing else is called after it.
  std::function<void(const Life& life, std::optional<Error> error)> on_ended{};
};

inline constexpr std::size_t kMaxLine = 16'384;

std::unique_ptr<Node> make_process_node(std::shared_ptr<AsioRuntime> runtime, ProcessSpec spec);

}  // namespace weft::supervision
