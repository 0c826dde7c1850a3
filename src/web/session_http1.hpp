// SPDX-License-Identifier: Apache-2.0
/// One HTTP/1.1 (or 1.0) connection: reads requests one after the other, lets the Handler answer each, writes the
/// answers. It is a small machine: each event (bytes, room to write, a timer, a call by the Responder) sets flags and
/// runs drive(), which steps until nothing moves. drive() alone calls the Responder, so a Responder is never called
/// from inside its own call, and nothing recurses.
///
/// Reading: the head stays where it was received, because RequestHead points into it; a body goes through what is left
/// of that buffer or, if longer, through a second one of kLargeBuffer, and is read only as fast as the Responder asks.
/// While an answer is being computed a read stays outstanding to notice a client that leaves; where there is no room
/// for it, the connection's TCP state is looked at from time to time. A client that closes its sending side before its
/// answer was finished counts as gone: it cannot be told from one that left. Writing: what the Responder sends in one
/// turn of the loop is kept and leaves in one system call; a large piece goes out directly, with what is kept. The next
/// pipelined request is parsed when the answer before it has left. Limits: ServerLimits; a body that nobody read is
/// taken in up to kMaxDrain to keep the connection, then the connection is closed. Threads: its shard.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "web/buffer.hpp"
#include "web/exchange.hpp"
#include "web/request_parser.hpp"
#include "web/response_writer.hpp"
#include "web/session.hpp"
#include "web/stream.hpp"

namespace weft::web {

class ShardServer;

inline constexpr std::size_t kMaxDrain = std::size_t{64} * 1024;

class SessionHttp1 final : public Session, public Exchange, public StreamOwner {
 public:
  /// `remote` is the client's address as text; `seed` makes the request ids.
  SessionHttp1(ShardServer& server, std::unique_ptr<Stream> stream, std::string remote, std::uint64_t seed);
  ~SessionHttp1() override;

  void start() override;
  void drain() override;
  void abort() override;
  void on_timer(TimerKind kind) override;

  [[nodiscard]] const RequestHead& request() const noexcept override { return request_; }
  [[nodiscard]] async::Shard& shard() noexcept override;
  [[nodiscard]] std::string id() const override;
  void read_body() override;
  bool send_head(ResponseHead head) override;
  void send_body(std::span<const std::byte> piece) override;
  void finish(std::span<const Header> trailers) override;
  void respond(unsigned status, std::span<const Header> headers, std::string_view body) override;
  void fail(unsigned status, std::string_view reason) override;

 private:
  enum class Phase : std::uint8_t {
    head,      ///< waiting for a request
    exchange,  ///< a Responder is at work
    flush,     ///< the answer is complete, or will never be, and leaves
    drain,     ///< the rest of a request body that nobody wanted
    linger,    ///< nothing more to say; the client may still be sending
    closed,
  };
  enum class Head : std::uint8_t { none, held, written };

  void on_read(ReadEnd end, std::size_t bytes) override;
  void on_stream_writable() override;

  void drive();
  void step();
  void step_head();
  void step_exchange();
  void step_flush();
  void step_drain();
  void step_linger();
  /// Runs drive() soon: at once when it is running already, else in the loop's next turn.
  void schedule();

  void count_request();
  void begin_exchange(std::size_t head_size);
  void deliver_body();
  void end_exchange();
  void disconnect();
  void break_message();
  void next_request();
  void enter_linger();
  void close();

  /// Answers on our own account; no Responder is involved any more.
  void answer_error(unsigned status, std::string_view reason);
  /// answer_error() for a request that cannot be trusted: the connection ends with it.
  void refuse(Refusal refusal);
  /// The same for bytes that are not even a head.
  void refuse_head(Refusal refusal);

  void write_head(bool whole, bool has_trailers);
  /// Decides whether the connection is used again, and says so in the head.
  void announce_connection(HeadPlan& plan, bool whole);
  [[nodiscard]] std::uint64_t body_rest() const noexcept;
  void write_piece(std::string_view piece);
  void write_directly(std::string_view piece, std::string_view tail);
  void flush();
  [[nodiscard]] std::size_t pending() const noexcept { return out_.size() - out_sent_; }
  [[nodiscard]] bool answers_with_body() const noexcept;
  [[nodiscard]] bool can_send() const noexcept { return phase_ == Phase::exchange && !finished_ && !broken_; }

  void read_more_of_head();
  void read_more_of_body();
  void make_room_for_body();
  void watch_for_disconnect();
  void start_read();
  void arm_phase(TimerKind kind);
  void log_access();

  ShardServer& server_;
  std::unique_ptr<Stream> stream_;
  std::string remote_;
  std::uint64_t seed_;
  std::uint64_t requests_ = 0;

  Timer phase_timer_{*this};  ///< idle, header, read or linger
  Timer write_timer_{*this};
  Timer request_timer_{*this};
  Timer blind_timer_{*this};

  Buffer in_;                 ///< an outstanding read goes to its room
  Buffer pinned_;             ///< holds the head when the body has moved on to a buffer of its own
  std::size_t window_ = 0;    ///< in `in_`: what lies before belongs to the head
  std::size_t scanned_ = 0;   ///< how far the end of the head was looked for
  std::size_t lingered_ = 0;  ///< bytes thrown away in drain or linger
  RequestParser parser_;
  RequestHead request_;
  std::unique_ptr<Responder> responder_;

  std::string out_;  ///< what is to be written, from out_sent_ on
  std::size_t out_sent_ = 0;
  ResponseHead head_;                    ///< while Head::held
  std::string stash_;                    ///< body sent while the head is held and its length open
  std::optional<std::uint64_t> length_;  ///< promised by the Responder
  std::uint64_t body_out_ = 0;
  std::optional<char> last_byte_;  ///< of a promised length; kept back until finish(), so that a message that goes on
                                   ///< too long never looks whole
  BodyEnd body_end_ = BodyEnd::none;
  unsigned status_ = 0;
  std::chrono::steady_clock::time_point started_;

  Phase phase_ = Phase::head;
  Head head_state_ = Head::none;
  bool driving_ = false, again_ = false, posted_ = false;
  bool reading_ = false, writing_ = false;
  bool peer_closed_ = false;  ///< the peer sends nothing more
  bool peer_gone_ = false;    ///< the connection is dead
  bool draining_ = false;     ///< the server is closing
  bool keep_alive_ = false;
  bool continue_settled_ = false;  ///< "100 Continue" was sent, or the client did not wait for it
  bool wants_body_ = false, wants_writable_ = false;
  bool finished_ = false;   ///< the answer is complete
  bool broken_ = false;     ///< the answer will never be complete
  bool in_flight_ = false;  ///< counted in the server's requests
  bool logged_ = true;
};

}  // namespace weft::web
