// SPDX-License-Identifier: Apache-2.0
/// One call of a guest, polled on its shard. A Call runs the guest only from inside its own posted work or poll_now(),
/// tells its owner afterwards what has come out, and never calls anybody from the guest's stack.
///
/// Ownership: the caller owns the Call; destroying it at any moment, except from inside the guest, cancels the guest
/// and frees all it had. CallEvents is borrowed and must outlive the Call. on_polled() may destroy the Call: nothing of
/// it is touched after. Threads: its shard, except that wakes come from any thread.
#pragma once

#include <weft/host.hpp>
#include <weft/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "base/unique_handle.hpp"
#include "engine/engine.hpp"

struct weft_lane;
struct weft_call;
extern "C" {
void weft_lane_free(weft_lane* lane);
void weft_call_free(weft_call* call);
}

namespace weft::engine {

class OutgoingHttp;
class WakeTarget;

/// What came out of a poll.
struct Polled {
  bool done = false;        ///< the guest has ended: see Call::outcome
  bool result = false;      ///< it has returned, see Call::result, and goes on with its streams
  bool head = false;        ///< a response head waits
  bool wants_body = false;  ///< the guest waits for request body
};

/// The call that a guest itself answers, among the tokens of its import calls.
inline constexpr std::uint64_t kOwnCall = 0;

/// What calls have beside their values: weft_engine.h, "Streams and futures of calls".
struct StreamEvent {
  enum class Kind : std::uint8_t { readable, wanted, dropped, left };
  Kind kind = Kind::dropped;
  std::uint64_t token = 0;    ///< of the import call, or kOwnCall
  std::uint32_t channel = 0;  ///< of those that the guest writes (readable) or reads (wanted, left)
};

/// What a guest writes on a channel; none: its values have no such stream or future, or it is over.
enum class ChannelKind : std::uint8_t { none, stream, future };

class CallEvents {
 public:
  virtual void on_polled(Polled polled) = 0;
  /// The guest calls import number `import` (Deployment::imports) and waits for complete_import() or fail_import(),
  /// which may come from inside. `params` are valid until this returns. Comes before on_polled(), never from the
  /// guest's stack. Only deployments prepared with Imports::all have imports. It may destroy the Call.
  virtual void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) {
    static_cast<void>(token), static_cast<void>(import), static_cast<void>(params);
  }
  /// A line of the guest's output. `stream` 1: stdout, 2: stderr.
  virtual void on_log(std::uint32_t stream, std::string_view line) = 0;
  /// Something of a stream. Must not destroy the Call.
  virtual void on_stream(const StreamEvent& event) { static_cast<void>(event); }
  /// The guest sends an HTTP request: see outgoing_http.hpp. Dropping it denies it. Must not destroy the Call.
  virtual void on_http(std::unique_ptr<OutgoingHttp> request);

 protected:
  ~CallEvents() = default;
};

/// One shard's place to call a deployment from; keeps the instances that may serve again. Its shard only.
class Lane {
 public:
  explicit Lane(const Deployment& deployment);
  [[nodiscard]] weft_lane* get() const noexcept { return handle_.get(); }

 private:
  base::UniqueHandle<weft_lane, &weft_lane_free> handle_;
};

struct HeaderRef {
  std::string_view name;
  std::string_view value;
};

struct HttpStart {
  std::string_view method, scheme, authority, path_and_query;
  std::span<const HeaderRef> headers;
  bool has_body = false;
};

/// A response's head. The views live as long as the Call.
struct ResponseHead {
  std::uint16_t status = 0;
  std::vector<HeaderRef> headers;
};

enum class BodyState : std::uint8_t { pending, data, trailers, end, failed };

struct BodyPiece {
  BodyState state = BodyState::pending;
  std::span<const std::byte> data;  ///< until the next look
  std::vector<HeaderRef> trailers;  ///< until the next look
};

class Call {
 public:
  static Result<std::unique_ptr<Call>> http(Lane& lane, const HttpStart& start, async::Shard& shard,
                                            CallEvents& events);
  static Result<std::unique_ptr<Call>> command(Lane& lane, async::Shard& shard, CallEvents& events);
  static Result<std::unique_ptr<Call>> function(Lane& lane, const Function& function, std::span<const std::byte> params,
                                                async::Shard& shard, CallEvents& events);
  /// The same with the parameters of the import call that `caller` is telling of, from inside its on_import(): they are
  /// taken over, and what on_import() was given is not valid any more.
  static Result<std::unique_ptr<Call>> function_from(Lane& lane, const Function& function, Call& caller,
                                                     async::Shard& shard, CallEvents& events);
  /// Drops a resource that an instance kept on this lane owns, by the handle it gave; the destructor runs as this call.
  /// Errors: not_found, if the owner has ended with its call (its resources ended with it).
  static Result<std::unique_ptr<Call>> drop_resource(Lane& lane, std::span<const std::byte> handle, async::Shard& shard,
                                                     CallEvents& events);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Runs the guest for a slice of time and reports by on_polled; may destroy *this.
  void poll_now();

  /// Answers an import. From inside on_import() the guest goes on in the same poll_now(), otherwise it is polled later
  /// by itself. A token that nobody waits for any more is ignored. A failure traps the guest.
  void complete_import(std::uint64_t token, std::span<const std::byte> results);
  void fail_import(std::uint64_t token, std::string_view message);
  /// Completes with the result of a function that has succeeded, which is taken over: `from` has none any more.
  void complete_import_from(std::uint64_t token, Call& from);

  /// Streams by the token of their call, also after it was completed; a token that means nothing any more is ignored.
  [[nodiscard]] ChannelKind kind_of(std::uint64_t token, std::uint32_t channel) const;
  /// Channels that the guest writes: what it has written since, until the next look.
  BodyPiece read_stream(std::uint64_t token, std::uint32_t channel);
  /// Nobody reads it any more.
  void close_stream(std::uint64_t token, std::uint32_t channel);
  /// Channels that the guest reads.
  void push_stream(std::uint64_t token, std::uint32_t channel, std::span<const std::byte> piece);
  void end_stream(std::uint64_t token, std::uint32_t channel);
  void fail_stream(std::uint64_t token, std::uint32_t channel, std::string_view why);

  void push_body(std::span<const std::byte> piece);
  void end_body(std::span<const HeaderRef> trailers);
  void fail_body();

  /// The head, or why the guest gave none.
  Result<ResponseHead> take_head();
  /// After a head that failed: the index in wasi:http's error-code of the error that the guest gave instead.
  [[nodiscard]] std::optional<std::uint32_t> head_error() const;
  /// The next piece of the response body. Taking one lets the guest write on, which is polled later by itself.
  BodyPiece next_body();

  /// After done. The exit code of a command, 0 otherwise. Errors: trap, resource_exhausted, internal. Once.
  Result<int> outcome();
  /// After a function's success, or when it has returned; until the Call dies.
  [[nodiscard]] std::span<const std::byte> result() const;
  [[nodiscard]] CallStats stats() const;

 private:
  friend class WakeTarget;
  friend class OutgoingHttp;
  template <class Start>
  static Result<std::unique_ptr<Call>> begin(async::Shard& shard, CallEvents& events, Start start);
  Call(async::Shard& shard, CallEvents& events);

  void wake_if_woken();
  bool hand_out_imports(const WakeTarget& target);
  void tell_streams();
  void tell_outgoing(std::uint32_t flags);
  void end_outgoing();

  CallEvents& events_;
  std::shared_ptr<WakeTarget> target_;
  bool polling_ = false;                 ///< inside poll_now
  bool woken_ = false;                   ///< by what our owner did in on_polled
  std::vector<OutgoingHttp*> outgoing_;  ///< requests of the guest that are being answered
  base::UniqueHandle<weft_call, &weft_call_free> handle_;
};

}  // namespace weft::engine
