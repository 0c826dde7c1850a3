// SPDX-License-Identifier: Apache-2.0
/// What a signal means at each stage of a command that runs guests: while it loads, the end; while it serves, a drain;
/// while a guest runs to its end, its cancellation. A second signal always ends the process at once. Created before the
/// host, so that the host's threads inherit the blocked signals; finish() before the host is destroyed. Threads:
/// on_signal() on the watcher's thread, the rest on the command's own.
#pragma once

#include "cli/context.hpp"

#include <atomic>
#include <semaphore>

namespace weft::cli {

class StopRequest {
 public:
  explicit StopRequest(Context& context);
  ~StopRequest() { finish(); }
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// From now on the first signal lets wait() return. Says so before the ready line is printed, so that no signal after
  /// it is taken for an early one.
  void begin_serving() { stage_.store(Stage::serving); }
  /// Blocks until the first signal; its number.
  int wait();

  /// From now on the first signal stops the host, which cancels the call that runs.
  void begin_call(Host& host);

  /// The number of the signal that came, or 0. After this the host may be destroyed.
  int finish();

 private:
  enum class Stage : unsigned char { loading, serving, calling };
  void on_signal(int signal, int count);

  Context& context_;
  std::atomic<Stage> stage_ = Stage::loading;
  std::atomic<Host*> host_ = nullptr;
  std::atomic<int> signal_ = 0;
  std::binary_semaphore first_{0};
};

}  // namespace weft::cli
