// SPDX-License-Identifier: Apache-2.0
/// The serving side of one invocation as a machine without clock, threads or sockets. Accepts, gathers the parameters
/// and sends what comes of the call: in one message to a caller that is weft and has sent everything with the first,
/// else as every 1.x peer expects it.
///
/// Answers leave only after the end of the parameters has arrived: callers of the reference host lose an answer that
/// overtakes its accept (live-host facts C2). An error has no words in wRPC: a weft caller is told it, any other sees
/// results that end without a byte.
///
/// Ownership: by whoever serves; borrows the Port and the events. An event may destroy the machine. Threads: its shard.
/// Source: data-plane facts 1.6, 1.8, 1.11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bus/message.hpp"
#include "wrpc/call_headers.hpp"
#include "wrpc/outgoing_call.hpp"

namespace weft::wrpc {

class IncomingEvents {
 public:
  /// The whole root channel, once.
  virtual void on_params(std::string params) = 0;
  /// A piece of a channel below the parameters ("0.1"); empty: its end.
  virtual void on_channel(std::string_view path, std::string_view piece) = 0;
  /// What the caller, a weft host, says of a channel of the results.
  virtual void on_taken(const Taken& taken) { static_cast<void>(taken); }
  /// The caller broke the protocol, or does not wait any more: nothing else comes.
  virtual void on_gone(Error error) = 0;

 protected:
  ~IncomingEvents() = default;
};

class IncomingCall {
 public:
  /// `inbox` is the server's, unique for this call. The message has a reply subject.
  IncomingCall(Port& port, IncomingEvents& events, bus::Message call, std::string inbox, std::size_t max_value_bytes);

  /// Accepts, or begins at once.
  Result<void> start();
  /// The turn in which the call came is over: a caller that has not been answered is told that somebody has it.
  Result<void> settle();
  void receive(std::string_view channel, const bus::Message& message);

  [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return call_.header(name); }
  [[nodiscard]] const std::string& caller_inbox() const noexcept { return call_.reply; }
  /// What a weft caller says; nothing: it is another.
  [[nodiscard]] const std::optional<WeftCall>& weft() const noexcept { return weft_; }
  /// Every pending stream and future among the parameters is empty.
  [[nodiscard]] bool has_no_nested() const noexcept { return weft_ && weft_->is_complete; }

  /// The whole outcome; nothing follows. `pending`: paths of streams and futures among the results that hold nothing.
  Result<void> answer(std::string_view results, std::span<const std::string_view> pending = {});
  /// The root channel; its streams follow by send() and finish().
  Result<void> begin_answer(std::string_view results);
  Result<void> send(std::string_view path, std::string_view piece);
  Result<void> finish(std::string_view path);
  /// Of a channel of the parameters; said to a weft host only.
  Result<void> acknowledge(const Taken& taken);
  Result<void> fail(const Error& error);

 private:
  Result<void> accept();
  void on_root(const std::string& payload);
  [[nodiscard]] bool can_answer_directly(std::size_t bytes, std::string_view kind) const;
  Result<void> answer_directly(std::string_view kind, std::string_view payload);
  [[nodiscard]] std::string results_subject() const;

  Port& port_;
  IncomingEvents& events_;
  bus::Message call_;
  std::string inbox_;
  std::size_t max_value_bytes_;
  std::optional<WeftCall> weft_;
  std::string params_;
  bool is_accepted_ = false;
  bool has_params_ = false;
  bool is_answered_ = false;
  bool is_gone_ = false;
};

}  // namespace weft::wrpc
