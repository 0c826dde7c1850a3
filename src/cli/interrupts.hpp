// SPDX-License-Identifier: Apache-2.0
/// Ctrl-C and SIGTERM as calls of a function instead of the death of the process.
#pragma once

#include <functional>

namespace weft::cli {

class Interrupts {
 public:
  /// `count` is 1 for the first signal since watch(). Called on a thread of its own, one call at a time.
  using Handler = std::function<void(int signal, int count)>;

  virtual ~Interrupts() = default;
  virtual void watch(Handler handler) = 0;
  /// No handler runs or starts after this returns. Signals kill again. Must not be called by the handler.
  virtual void unwatch() = 0;
};

/// Watches as long as it lives.
class InterruptScope {
 public:
  InterruptScope(Interrupts& interrupts, Interrupts::Handler handler) : interrupts_(interrupts) {
    interrupts_.watch(std::move(handler));
  }
  ~InterruptScope() { interrupts_.unwatch(); }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  Interrupts& interrupts_;
};

}  // namespace weft::cli
