// SPDX-License-Identifier: Apache-2.0
/// An HTTP server on every shard of a pool, each with its own SO_REUSEPORT acceptor, so that a request is answered on
/// the core it arrived at. Owned by whoever serves; borrows the pool and the handler, which must outlive close().
/// Threads: create() and close() from any thread that is not a shard.
/// Limits: each is enforced; what exceeds one is answered (431, 413, 408, 503) or closed.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/shard.hpp"
#include "web/exchange.hpp"

namespace weft::web {

struct ServerLimits {
  std::size_t max_header_bytes = std::size_t{64} * 1024;
  std::uint64_t max_body_bytes = UINT64_MAX;         ///< of a request
  std::size_t max_connections = 20'000;              ///< over all shards
  std::size_t max_requests_in_flight = 2'048;        ///< over all shards; beyond it 503 with Retry-After
  std::chrono::milliseconds header_timeout{10'000};  ///< first byte of a head to its end
  std::chrono::milliseconds idle_timeout{60'000};    ///< between requests
  std::chrono::milliseconds io_timeout{30'000};      ///< a body that does not move, either way
  std::chrono::milliseconds request_timeout{0};      ///< whole request, head to last byte; 0: none

  bool operator==(const ServerLimits&) const = default;
};

/// One line for the access log.
struct AccessRecord {
  std::string_view id, remote, method, target;
  unsigned status = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::chrono::microseconds duration{0};
  bool complete = true;
};

struct ServerConfig {
  std::string address = "127.0.0.1:8000";  ///< host:port; port 0 lets the system choose
  ServerLimits limits;
  std::function<void(const AccessRecord&)> access_log;  ///< called on any shard; empty: off
};

class Server {
 public:
  virtual ~Server() = default;
  /// Errors: invalid_argument (address), io (in use), permission_denied.
  static Result<std::unique_ptr<Server>> create(async::ShardPool& pool, Handler& handler, ServerConfig config);

  /// The address bound, with the real port: "127.0.0.1:8000".
  [[nodiscard]] virtual std::string address() const = 0;
  /// Stops accepting, lets what is in flight finish for `grace`, then closes the rest (Responders get on_disconnect).
  /// Blocks; idempotent.
  virtual void close(std::chrono::milliseconds grace) = 0;
};

}  // namespace weft::web
