// SPDX-License-Identifier: Apache-2.0
/// What a session needs of a connection: bytes in, bytes out, and how it ends. TCP now; TLS will be another Stream, so
/// that no session knows the difference. Ownership: a session owns its Stream and is its owner in return; it must not
/// destroy the Stream while a read() or wait_writable() is outstanding (close() ends both, each with one last call).
/// Threads: the connection's shard. Callbacks rather than coroutines: this is the per-request path.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::web {

enum class ReadEnd : std::uint8_t {
  data,    ///< bytes arrived
  closed,  ///< the peer will send nothing more
  gone,    ///< the connection is dead, or was closed by us
};

/// Receives what a Stream reports. Never called from inside a call into the Stream.
class StreamOwner {
 public:
  virtual void on_read(ReadEnd end, std::size_t bytes) = 0;
  virtual void on_stream_writable() = 0;

 protected:
  ~StreamOwner() = default;
};

struct WriteResult {
  enum class State : std::uint8_t { sent, full, gone };
  State state = State::sent;
  std::size_t bytes = 0;  ///< may be fewer than given, also when `sent`
};

class Stream {
 public:
  virtual ~Stream() = default;
  /// Starts one read; `into` must stay where it is until on_read. At most one outstanding.
  virtual void read(std::span<char> into) = 0;
  /// Writes what fits now, without waiting.
  [[nodiscard]] virtual WriteResult write(std::span<const iovec> pieces) noexcept = 0;
  /// After a write that was `full`: calls on_stream_writable once. At most one outstanding.
  virtual void wait_writable() = 0;
  /// Tells the peer that nothing more will be sent; reading goes on.
  virtual void shutdown_write() noexcept = 0;
  /// Ends the connection, outstanding operations included. Idempotent.
  virtual void close() noexcept = 0;
  /// Like close(), but what was not delivered yet is dropped and the peer sees a reset.
  virtual void reset() noexcept = 0;
  /// True if the peer has closed, even behind bytes that were not read yet. A system call.
  [[nodiscard]] virtual bool peer_left() noexcept = 0;
};

}  // namespace weft::web
