// SPDX-License-Identifier: Apache-2.0
/// One connection to a Redis server, used by one thread at a time: connects, logs in, asks and waits.
///
/// Ownership: a move-only value that owns the socket. After an error of the connection (is_broken()) it is of no more
/// use. Errors: unavailable (nobody there, the connection is lost), deadline_exceeded, permission_denied (user,
/// password, a right that is missing), type_mismatch (the key holds another kind of value), resource_exhausted (the
/// server's memory), unsupported (a cluster), refused (whatever else the server says). Limits: what a server sends is
/// taken in whole; the time of one command is bounded.
/// Source: Redis 7.0 documentation of AUTH, SELECT and errors; hiredis 0.14.1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
#include <weft/result.hpp>

#include "builtins/keyvalue-redis/settings.hpp"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis names it so
struct redisReply;    // NOLINT(readability-identifier-naming)

namespace weft::builtins::keyvalue_redis {

/// What a server answers: nothing, a number, bytes (also its "OK"), or a list of these.
struct Answer {
  std::variant<std::monostate, std::int64_t, std::string, std::vector<Answer>> value;

  [[nodiscard]] bool is_nothing() const noexcept { return value.index() == 0; }
  [[nodiscard]] const std::int64_t* number() const noexcept { return std::get_if<std::int64_t>(&value); }
  [[nodiscard]] std::string* text() noexcept { return std::get_if<std::string>(&value); }
  [[nodiscard]] std::vector<Answer>* list() noexcept { return std::get_if<std::vector<Answer>>(&value); }
};

using Words = std::vector<std::string_view>;

class Connection {
 public:
  static Result<Connection> open(const Server& server, std::chrono::milliseconds connect_timeout,
                                 std::chrono::milliseconds response_timeout);

  /// One command and its answer.
  Result<Answer> ask(std::span<const std::string_view> words);
  /// Waits for what the server tells unasked (a subscription), up to `stop` becoming readable: that is nothing.
  Result<std::optional<Answer>> listen(int stop);

  [[nodiscard]] bool is_broken() const noexcept;
  /// An idle connection that the server has closed meanwhile, or that has something to say which nobody asked for.
  [[nodiscard]] bool is_stale() const noexcept;

 private:
  struct Closer {
    void operator()(redisContext* context) const noexcept;
  };
  Connection(std::unique_ptr<redisContext, Closer> context, std::string shown)
      : context_(std::move(context)), shown_(std::move(shown)) {}
  [[nodiscard]] Error fault() const;
  Result<void> log_in(const Server& server);

  std::unique_ptr<redisContext, Closer> context_;
  std::string shown_;
};

/// What the words of an error answer come to.
[[nodiscard]] Error to_error(std::string_view words, std::string_view server);

}  // namespace weft::builtins::keyvalue_redis
