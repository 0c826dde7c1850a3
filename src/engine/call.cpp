// SPDX-License-Identifier: Apache-2.0
#include "engine/call.hpp"

#include <boost/asio/post.hpp>
#include <chrono>

#include "base/assert.hpp"
#include "engine/c_border.hpp"
#include "engine/outgoing_http.hpp"

namespace weft::engine {

/// Where wakes go. Shared by the Call and by every waker that the guest's pending work holds, some of it on threads of
/// the engine that may outlive the Call: a wake after its death finds no call and does nothing.
class WakeTarget : public std::enable_shared_from_this<WakeTarget> {
 public:
  WakeTarget(async::Shard& shard, Call* call) : io_(shard.shared_io()), shard_(shard), call_(call) {}

  /// Its shard.
  void detach() noexcept { call_ = nullptr; }
  /// Its shard.
  [[nodiscard]] bool has_call() const noexcept { return call_ != nullptr; }

  /// Any thread.
  void post() {
    boost::asio::post(*io_, [self = shared_from_this()]() noexcept { self->poll(); });
  }

  /// Its shard: the guest has computed for as long as it may at once.
  void post_turn() {
    shard_.post_turn([self = shared_from_this()]() noexcept { self->poll(); });
  }

  /// A C waker that holds one reference.
  weft_waker waker() {
    return {new std::shared_ptr<WakeTarget>(shared_from_this()), &WakeTarget::on_wake, &WakeTarget::on_drop};
  }

 private:
  static void on_wake(void* context) { (*static_cast<std::shared_ptr<WakeTarget>*>(context))->post(); }
  static void on_drop(void* context) { delete static_cast<std::shared_ptr<WakeTarget>*>(context); }

  void poll() noexcept {
    if (call_ != nullptr) {
      call_->poll_now();
    }
  }

  std::shared_ptr<boost::asio::io_context> io_;
  async::Shard& shard_;  ///< outlives the call, not this
  Call* call_;           ///< touched on the shard only
};

namespace {

/// How often a call is polled before its shard's other work gets its turn.
constexpr int kPollsInOneGo = 4;

/// How long a guest may go on in one go with imports that are answered at once. Time and not a count, because each of
/// them may be a chain of calls that go on likewise.
constexpr std::chrono::milliseconds kImportsInOneGo{1};

using Clock = std::chrono::steady_clock;

}  // namespace

Lane::Lane(const Deployment& deployment) : handle_(decltype(handle_)::adopt(weft_lane_new(deployment.get()))) {}

Call::Call(async::Shard& shard, CallEvents& events)
    : events_(events), target_(std::make_shared<WakeTarget>(shard, this)) {}

Call::~Call() {
  target_->detach();
  end_outgoing();
}

template <class Start>
Result<std::unique_ptr<Call>> Call::begin(async::Shard& shard, CallEvents& events, Start start) {
  std::unique_ptr<Call> call(new Call(shard, events));
  weft_call* handle = nullptr;
  if (auto* error = start(call->target_->waker(), &handle)) {
    return take_error(error);
  }
  call->handle_ = decltype(call->handle_)::adopt(handle);
  return call;
}

Result<std::unique_ptr<Call>> Call::http(Lane& lane, const HttpStart& start, async::Shard& shard, CallEvents& events) {
  const auto headers = to_c(start.headers);
  const weft_http_request request{engine::to_c(start.method),
                                  engine::to_c(start.scheme),
                                  engine::to_c(start.authority),
                                  engine::to_c(start.path_and_query),
                                  headers.data(),
                                  headers.size(),
                                  start.has_body};
  return begin(shard, events,
               [&](weft_waker waker, weft_call** out) { return weft_http_start(lane.get(), &request, waker, out); });
}

Result<std::unique_ptr<Call>> Call::command(Lane& lane, async::Shard& shard, CallEvents& events) {
  return begin(shard, events,
               [&](weft_waker waker, weft_call** out) { return weft_command_start(lane.get(), waker, out); });
}

Result<std::unique_ptr<Call>> Call::function(Lane& lane, const Function& function, std::span<const std::byte> params,
                                             async::Shard& shard, CallEvents& events) {
  return begin(shard, events, [&](weft_waker waker, weft_call** out) {
    return weft_func_start(lane.get(), function.get(), engine::to_c(params), waker, out);
  });
}

Result<std::unique_ptr<Call>> Call::function_from(Lane& lane, const Function& function, Call& caller,
                                                  async::Shard& shard, CallEvents& events) {
  return begin(shard, events, [&](weft_waker waker, weft_call** out) {
    return weft_func_start_from(lane.get(), function.get(), caller.handle_.get(), waker, out);
  });
}

Result<std::unique_ptr<Call>> Call::drop_resource(Lane& lane, std::span<const std::byte> handle, async::Shard& shard,
                                                  CallEvents& events) {
  return begin(shard, events, [&](weft_waker waker, weft_call** out) {
    return weft_resource_drop_start(lane.get(), engine::to_c(handle), waker, out);
  });
}

void Call::poll_now() {
  const auto target = target_;  // outlives *this, which its owner may destroy when it is told something
  Clock::time_point began;
  for (int polls = 1;; ++polls) {
    woken_ = false;
    polling_ = true;
    const std::uint32_t flags = weft_call_poll(handle_.get());
    if ((flags & WEFT_CALL_LOG) != 0) {
      std::uint32_t stream = 0;
      weft_bytes line{};
      while (weft_call_next_log(handle_.get(), &stream, &line)) {
        events_.on_log(stream, to_text(line));
      }
    }
    const bool imports = (flags & WEFT_CALL_IMPORT) != 0;
    if (imports && began == Clock::time_point{}) {
      began = Clock::now();
    }
    if (imports && !hand_out_imports(*target)) {
      return;
    }
    if ((flags & WEFT_CALL_STREAM) != 0) {
      tell_streams();
    }
    tell_outgoing(flags);
    events_.on_polled({.done = (flags & WEFT_CALL_DONE) != 0,
                       .result = (flags & WEFT_CALL_RESULT) != 0,
                       .head = (flags & WEFT_CALL_HEAD) != 0,
                       .wants_body = (flags & WEFT_CALL_WANTS_BODY) != 0});
    if (!target->has_call()) {
      return;
    }
    polling_ = false;
    if ((flags & WEFT_CALL_YIELDED) != 0) {
      return target->post_turn();
    }
    // One whose import was answered at once goes on at once, for a while. So does one that waited for us to take its
    // body: most responses end so in one go.
    const bool may_go_on = imports ? Clock::now() - began < kImportsInOneGo : polls < kPollsInOneGo;
    if ((flags & WEFT_CALL_AGAIN) != 0 || (woken_ && !may_go_on)) {
      return target->post();
    }
    if (!woken_) {
      return;
    }
  }
}

/// False if *this is gone.
bool Call::hand_out_imports(const WakeTarget& target) {
  std::uint64_t token = 0;
  std::uint32_t import = 0;
  weft_bytes params{};
  while (weft_call_next_import(handle_.get(), &token, &import, &params)) {
    events_.on_import(token, import, to_span(params));
    if (!target.has_call()) {
      return false;
    }
  }
  return true;
}

void Call::tell_streams() {
  using Kind = StreamEvent::Kind;
  StreamEvent event;
  while (const auto kind = weft_call_next_stream(handle_.get(), &event.token, &event.channel)) {
    event.kind = kind == WEFT_STREAM_READABLE ? Kind::readable
                 : kind == WEFT_STREAM_WANTED ? Kind::wanted
                 : kind == WEFT_STREAM_LEFT   ? Kind::left
                                              : Kind::dropped;
    events_.on_stream(event);
  }
}

ChannelKind Call::kind_of(std::uint64_t token, std::uint32_t channel) const {
  switch (weft_call_stream_kind(handle_.get(), token, channel)) {
    case WEFT_CHANNEL_STREAM:
      return ChannelKind::stream;
    case WEFT_CHANNEL_FUTURE:
      return ChannelKind::future;
    default:
      return ChannelKind::none;
  }
}

BodyPiece Call::read_stream(std::uint64_t token, std::uint32_t channel) {
  weft_bytes data{};
  const auto state = weft_call_stream_read(handle_.get(), token, channel, &data);
  wake_if_woken();
  return from_c(state, data, nullptr, 0);
}

void Call::close_stream(std::uint64_t token, std::uint32_t channel) {
  weft_call_stream_close(handle_.get(), token, channel);
  wake_if_woken();
}

void Call::push_stream(std::uint64_t token, std::uint32_t channel, std::span<const std::byte> piece) {
  weft_call_stream_push(handle_.get(), token, channel, engine::to_c(piece));
  wake_if_woken();
}

void Call::end_stream(std::uint64_t token, std::uint32_t channel) {
  weft_call_stream_end(handle_.get(), token, channel);
  wake_if_woken();
}

void Call::fail_stream(std::uint64_t token, std::uint32_t channel, std::string_view why) {
  weft_call_stream_fail(handle_.get(), token, channel, engine::to_c(why));
  wake_if_woken();
}

void Call::complete_import(std::uint64_t token, std::span<const std::byte> results) {
  weft_call_import_complete(handle_.get(), token, engine::to_c(results));
  wake_if_woken();
}

void Call::complete_import_from(std::uint64_t token, Call& from) {
  weft_call_import_complete_from(handle_.get(), token, from.handle_.get());
  wake_if_woken();
}

void Call::fail_import(std::uint64_t token, std::string_view message) {
  weft_call_import_fail(handle_.get(), token, engine::to_c(message));
  wake_if_woken();
}

void Call::wake_if_woken() {
  if (!weft_call_woken(handle_.get())) {
    return;
  }
  if (polling_) {
    woken_ = true;
  } else {
    target_->post();
  }
}

void Call::push_body(std::span<const std::byte> piece) { weft_call_body_push(handle_.get(), engine::to_c(piece)); }

void Call::end_body(std::span<const HeaderRef> trailers) {
  const auto raw = engine::to_c(trailers);
  weft_call_body_end(handle_.get(), raw.data(), raw.size());
}

void Call::fail_body() { weft_call_body_fail(handle_.get()); }

Result<ResponseHead> Call::take_head() {
  ResponseHead head;
  const weft_header* headers = nullptr;
  std::size_t count = 0;
  weft_bytes error{};
  if (!weft_call_take_head(handle_.get(), &head.status, &headers, &count, &error)) {
    return Error(Errc::trap, "the guest answered with an error: " + std::string(to_text(error)), {}, Blame::guest);
  }
  head.headers = from_c(headers, count);
  return head;
}

std::optional<std::uint32_t> Call::head_error() const {
  const auto number = weft_call_head_error(handle_.get());
  return number == UINT32_MAX ? std::nullopt : std::optional(number);
}

BodyPiece Call::next_body() {
  weft_bytes data{};
  const weft_header* trailers = nullptr;
  std::size_t count = 0;
  const auto state = weft_call_body_next(handle_.get(), &data, &trailers, &count);
  wake_if_woken();
  return from_c(state, data, trailers, count);
}

Result<int> Call::outcome() {
  std::int32_t exit_code = 0;
  if (auto* error = weft_call_outcome(handle_.get(), &exit_code)) {
    return take_error(error);
  }
  return static_cast<int>(exit_code);
}

std::span<const std::byte> Call::result() const { return to_span(weft_call_result(handle_.get())); }

CallStats Call::stats() const {
  const auto figures = weft_call_figures(handle_.get());
  return {std::chrono::nanoseconds(figures.cpu_nanos), figures.peak_memory_bytes, figures.host_calls};
}

}  // namespace weft::engine
