// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-redis/connection.hpp"

#include <hiredis/hiredis.h>
#include <poll.h>

#include <cerrno>
#include <optional>

#include "base/broken_pipes.hpp"

namespace weft::builtins::keyvalue_redis {
namespace {

struct ReplyFreer {
  void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};
using ReplyHandle = std::unique_ptr<redisReply, ReplyFreer>;

timeval to_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
}

Answer to_answer(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return {.value = std::int64_t{reply.integer}};
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      return {.value = std::string(reply.str, static_cast<std::size_t>(reply.len))};
    case REDIS_REPLY_ARRAY: {
      std::vector<Answer> list;
      list.reserve(reply.elements);
      for (std::size_t index = 0; index < reply.elements; ++index) list.push_back(to_answer(*reply.element[index]));
      return {.value = std::move(list)};
    }
    default:
      return {};
  }
}

}  // namespace

Error to_error(std::string_view words, std::string_view server) {
  const auto is = [words](std::string_view code) {
    return words.starts_with(code) && (words.size() == code.size() || words[code.size()] == ' ');
  };
  const std::string where(server);
  if (is("WRONGTYPE")) {
    return {Errc::type_mismatch, "the key holds another kind of value than a string",
            "use another key, or delete this one", Blame::guest};
  }
  if (is("NOAUTH") || is("WRONGPASS") || words.starts_with("ERR invalid password") || words.starts_with("ERR AUTH") ||
      words.starts_with("ERR Client sent AUTH")) {
    return {Errc::permission_denied, "the Redis server at " + where + " refuses user and password",
            "correct them in the URL", Blame::operator_};
  }
  if (is("NOPERM")) {
    return {Errc::permission_denied, "the user of the Redis server at " + where + " may not do this",
            "give it the right with ACL SETUSER", Blame::operator_};
  }
  if (is("OOM")) {
    return {Errc::resource_exhausted, "the Redis server at " + where + " has no memory left",
            "raise its maxmemory, or let it evict", Blame::operator_};
  }
  if (is("MOVED") || is("ASK") || is("CROSSSLOT")) {
    return {Errc::unsupported, "the Redis server at " + where + " is part of a cluster", "name one that is not",
            Blame::operator_};
  }
  if (is("READONLY")) {
    return {Errc::unavailable, "the Redis server at " + where + " is a replica, which takes no changes",
            "name the primary in the URL", Blame::operator_};
  }
  if (is("LOADING") || is("BUSY") || is("MASTERDOWN") || is("TRYAGAIN")) {
    return {Errc::unavailable, "the Redis server at " + where + " is busy: " + std::string(words), "try again later",
            Blame::environment};
  }
  return {Errc::refused, "Redis says: " + std::string(words), {}, Blame::guest};
}

void Connection::Closer::operator()(redisContext* context) const noexcept { redisFree(context); }

bool Connection::is_broken() const noexcept { return context_ == nullptr || context_->err != 0; }

bool Connection::is_stale() const noexcept {
  pollfd looked{.fd = context_->fd, .events = POLLIN, .revents = 0};
  return is_broken() || poll(&looked, 1, 0) != 0;
}

Error Connection::fault() const {
  const bool is_late = context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT);
  if (is_late) {
    return {Errc::deadline_exceeded, "the Redis server at " + shown_ + " does not answer in time",
            "raise BACKEND_RESPONSE_TIMEOUT_MS, or see what keeps the server", Blame::environment};
  }
  return {Errc::unavailable,
          "the connection to the Redis server at " + shown_ + " is lost: " + context_->errstr,
          {},
          Blame::environment};
}

Result<Connection> Connection::open(const Server& server, std::chrono::milliseconds connect_timeout,
                                    std::chrono::milliseconds response_timeout) {
  std::unique_ptr<redisContext, Closer> context(
      server.socket_path.empty()
          ? redisConnectWithTimeout(server.host.c_str(), server.port, to_timeval(connect_timeout))
          : redisConnectUnixWithTimeout(server.socket_path.c_str(), to_timeval(connect_timeout)));
  if (context == nullptr) return Error(Errc::resource_exhausted, "no memory for a connection to Redis");
  if (context->err != 0) {
    return Error(Errc::unavailable, "no Redis server answers at " + server.shown() + ": " + context->errstr,
                 "check the URL, and that the server runs", Blame::environment);
  }
  Connection connection(std::move(context), server.shown());
  if (redisSetTimeout(connection.context_.get(), to_timeval(response_timeout)) != REDIS_OK) return connection.fault();
  static_cast<void>(redisEnableKeepAlive(connection.context_.get()));
  connection.context_->err = 0;  // a socket of Unix has no keep-alive
  WEFT_CHECK(connection.log_in(server));
  return connection;
}

Result<void> Connection::log_in(const Server& server) {
  if (!server.password.empty()) {
    Words words{"AUTH"};
    if (!server.user.empty()) words.push_back(server.user);
    words.push_back(server.password);
    WEFT_TRY(const auto welcomed, ask(words));
    (void)welcomed;
  }
  const auto database = std::to_string(server.database);
  // Also for database 0: it shows now, and not with a guest's first call, that a password is missing.
  WEFT_TRY(const auto selected, ask(Words{"SELECT", database}));
  (void)selected;
  return {};
}

Result<Answer> Connection::ask(std::span<const std::string_view> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto word : words) {
    texts.push_back(word.empty() ? "" : word.data());
    sizes.push_back(word.size());
  }
  errno = 0;
  const base::NoBrokenPipes quiet;
  const ReplyHandle reply(static_cast<redisReply*>(
      redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
  if (!reply) return fault();
  auto answer = to_answer(*reply);
  if (reply->type == REDIS_REPLY_ERROR) return to_error(*answer.text(), shown_);
  return answer;
}

Result<std::optional<Answer>> Connection::listen(int stop) {
  while (true) {
    void* ready = nullptr;
    if (redisReaderGetReply(context_->reader, &ready) != REDIS_OK) return fault();
    if (ready != nullptr) {
      const ReplyHandle reply(static_cast<redisReply*>(ready));
      return std::optional(to_answer(*reply));
    }
    pollfd looked[2] = {{.fd = context_->fd, .events = POLLIN, .revents = 0},
                        {.fd = stop, .events = POLLIN, .revents = 0}};
    if (poll(looked, 2, -1) < 0 && errno != EINTR) return Error(Errc::io, "cannot wait for a Redis server");
    if (looked[1].revents != 0) return std::optional<Answer>();
    if (looked[0].revents != 0 && redisBufferRead(context_.get()) != REDIS_OK) return fault();
  }
}

}  // namespace weft::builtins::keyvalue_redis
