// SPDX-License-Identifier: Apache-2.0
/// The caller's side of one invocation as a machine without clock, threads or sockets: messages that arrive move it, it
/// publishes through a Port, and tells its owner what has come of it.
///
/// Ownership: by whoever calls; borrows the Port and the events. An event may destroy the machine. Threads: its shard.
/// Errors (on_failed, with what is known about the delivery): unavailable (nobody serves the subject; the publish
/// failed), malformed (a peer that breaks the protocol), deadline_exceeded, resource_exhausted (results beyond
/// max_value_bytes), and whatever a weft host says.
/// Source: data-plane facts 1.5, 1.8, 1.11; live-host facts C1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "bus/message.hpp"
#include "wrpc/host_table.hpp"

namespace weft::wrpc {

/// Where messages go out.
class Port {
 public:
  virtual Result<void> publish(bus::Message message) = 0;
  /// Of the server in use now, in bytes, headers included.
  [[nodiscard]] virtual std::size_t max_payload() const noexcept = 0;

 protected:
  ~Port() = default;
};

/// Publishes `bytes` on a channel in as few messages as the server allows; none for no bytes.
Result<void> publish_chunks(Port& port, const std::string& subject, std::string_view bytes);
/// The message that ends a channel.
Result<void> publish_end(Port& port, const std::string& subject);
/// What is sent on a pending channel that holds nothing: the empty list that ends a stream, which is also the `none` of
/// a future<option<..>>. Its end follows.
Result<void> publish_nothing(Port& port, const std::string& subject);

/// What weft hosts tell each other of a stream: how much of it was taken; or, nothing: that its reader has gone.
struct Taken {
  std::string_view path;
  std::optional<std::uint64_t> bytes;
};
Result<void> publish_taken(Port& port, const std::string& inbox, const Taken& taken);
/// Nothing: `channel` is another, or `payload` is neither empty nor a number.
std::optional<Taken> taken_of(std::string_view channel, std::string_view payload) noexcept;

/// What is known of a call that has failed.
enum class Delivery : std::uint8_t {
  not_delivered,  ///< nobody has it: it may be tried elsewhere
  unknown,        ///< it was sent, and nobody has accepted it
  accepted,       ///< somebody has it
};

class OutgoingEvents {
 public:
  /// The call itself has been sent, after whoever serves it was asked for (Detour). A call without a detour is sent in
  /// start(), and this is not told.
  virtual void on_sent() {}
  /// Somebody has the call: nested parameters may be sent. Not told when the outcome comes with the first message.
  virtual void on_accepted() = 0;
  /// The whole root channel. Channels below it go on, unless `nested` says that they are empty.
  enum class Nested : std::uint8_t { follow, empty };
  virtual void on_results(std::string results, Nested nested) = 0;
  /// A piece of a channel below the results ("0.1"); empty: its end.
  virtual void on_channel(std::string_view path, std::string_view piece) = 0;
  /// What who serves, a weft host, says of a channel of the parameters.
  virtual void on_taken(const Taken& taken) { static_cast<void>(taken); }
  /// Nothing else comes after it.
  virtual void on_failed(Error error, Delivery delivery) = 0;

 protected:
  ~OutgoingEvents() = default;
};

/// The way around members that have fallen silent: all who serve the function are asked, and the first that is not
/// silent is called by its own address. A call that nobody there takes, and a question that nobody answers, go to the
/// queue group after all.
struct Detour {
  std::string question;  ///< the subject to ask on
  std::string function;  ///< what stands behind an address: "{interface}.{function}"
  std::shared_ptr<const HostSet> silent;
};

struct OutgoingCallSpec {
  std::string subject;                           ///< the function
  std::string inbox;                             ///< the caller's, unique for this call
  std::vector<bus::MessageHeader> headers = {};  ///< weft-call is among them if is_complete
  std::vector<std::string_view> pending = {};    ///< paths of parameters that are sent on channels of their own
  bool is_complete = false;                      ///< there is nothing on those
  std::size_t max_value_bytes = 256UL << 20;     ///< of the results
  std::optional<Detour> detour = {};             ///< none: whoever the server picks is called
};

class OutgoingCall {
 public:
  OutgoingCall(Port& port, OutgoingEvents& events, OutgoingCallSpec spec);

  /// Sends the first message, or asks who serves the call. An error: nothing was sent, and no event will come.
  Result<void> start(std::span<const std::byte> params);
  /// A message to the inbox; `channel` is what stands behind it.
  void receive(std::string_view channel, bus::Message message);

  [[nodiscard]] bool is_accepted() const noexcept { return !peer_inbox_.empty(); }
  /// It has not been sent yet: nobody has said that they serve it.
  [[nodiscard]] bool is_looking() const noexcept { return is_looking_; }
  /// Nobody has said so in time: the server picks who gets it. May fail the call.
  void stop_looking();
  /// The function that was called, as its subject.
  [[nodiscard]] const std::string& subject() const noexcept { return spec_.subject; }
  /// After on_accepted().
  Result<void> send(std::string_view path, std::string_view piece);
  Result<void> finish(std::string_view path);
  /// Of a channel of the results; said to a weft host only.
  Result<void> acknowledge(const Taken& taken);
  [[nodiscard]] bool peer_is_weft() const noexcept { return peer_is_weft_; }
  /// Finds out whether the host that has accepted the call is still there, if it is weft; fails the call if not.
  void probe() noexcept;
  /// Nobody waits for the outcome: no event comes any more. Tells the peer, once, if it understands that and may still
  /// be at work.
  void cancel() noexcept;

 private:
  Result<void> send_first(std::string subject, std::string_view params);
  void send_held(std::string subject);
  void on_who(const bus::Message& message);
  void on_handshake(bus::Message message);
  void accept(const bus::Message& message);
  void on_root(std::string payload);
  void on_alive(const bus::Message& message);
  Result<void> send_rest();
  void fail(Error error);
  [[nodiscard]] std::string params_subject(std::string_view path) const;

  Port& port_;
  OutgoingEvents& events_;
  OutgoingCallSpec spec_;
  std::string held_;        ///< all parameters, while the call may have to be sent again
  std::string rest_;        ///< parameters that the first message had no room for
  std::string peer_inbox_;  ///< empty: not accepted yet
  std::string results_;
  bool is_promised_;  ///< the first message said that nothing follows
  bool peer_is_weft_ = false;
  bool is_looking_ = false;
  bool is_direct_ = false;  ///< sent to one member alone
  bool is_over_ = false;    ///< the root channel has ended, or failed
  bool is_closed_ = false;  ///< and nothing comes below it
};

}  // namespace weft::wrpc
