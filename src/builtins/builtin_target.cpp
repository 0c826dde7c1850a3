// SPDX-License-Identifier: Apache-2.0
#include "builtins/builtin_target.hpp"

#include <exception>
#include <new>
#include <span>

#include "async/fence_count.hpp"
#include "base/assert.hpp"
#include "builtins/builtin_state.hpp"
#include "builtins/stream_channels.hpp"

namespace weft::builtins {
namespace {

class Pending final : public dispatch::PendingCall {
 public:
  explicit Pending(std::shared_ptr<AsyncCall> call) : call_(std::move(call)) {}
  ~Pending() override { call_->cancel(); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

 private:
  std::shared_ptr<AsyncCall> call_;
};

std::string name_of(std::string_view interface, std::string_view function) {
  return std::string(interface) + "." + std::string(function);
}

Error stopping_error(const std::string& id) {
  return {Errc::unavailable, "the provider " + id + " is being stopped", "start it again"};
}

}  // namespace

/// What a blocking function needs on its thread, by value.
struct BuiltinTarget::BlockingCall {
  BlockingCall(std::shared_ptr<BuiltinTarget> the_target, std::shared_ptr<AsyncCall> the_call, const CallInfo& from,
               std::span<const std::byte> the_params)
      : target(std::move(the_target)),
        call(std::move(the_call)),
        links(target->links_.read(from.shard)),
        source(from.source),
        link_name(from.link_name),
        interface(from.interface),
        function(from.function),
        trace_parent(from.trace_parent),
        trace_state(from.trace_state),
        params(the_params.begin(), the_params.end()),
        info{.source = source,
             .link_name = link_name,
             .interface = interface,
             .function = function,
             .link_config = from.link_config,
             .deadline = from.deadline,
             .chain = from.chain,
             .shard = from.shard,
             .trace_parent = trace_parent,
             .trace_state = trace_state,
             .cancelled = &call->cancelled()} {}
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;
  /// Dropped unrun, by a pool that is full or gone: the caller is told all the same. The first answer counts.
  ~BlockingCall() {
    call->finish(Error(Errc::resource_exhausted, "the host's pool for blocking work is full", "try again later"));
  }

  void run(const detail::BuiltinFunction& blocking_function) noexcept {
    target->blocking_.fetch_add(1);
    if (!target->stopped_.load() && !call->is_cancelled()) {
      call->finish(results(blocking_function));
    } else {
      call->finish(Error(Errc::cancelled, "the call was cancelled before it began"));
    }
    target->blocking_.fetch_sub(1);
    const std::scoped_lock lock(target->idle_mutex_);
    target->idle_.notify_all();
  }

  Result<detail::Answer> results(const detail::BuiltinFunction& blocking_function) noexcept {
    ValueReader reader(params);
    ValueWriter writer;
    detail::Answer given;
    auto outcome = target->fence(info, [&]() -> Result<void> {
      if (std::chrono::steady_clock::now() >= info.deadline) {
        return Error(Errc::deadline_exceeded, "the call waited too long for a thread");
      }
      WEFT_CHECK(blocking_function.answer(info, reader, writer));
      given.bytes = writer.to_vector();
      return {};
    });
    if (!outcome) return target->describe(info, std::move(outcome).error());
    return given;
  }

  std::shared_ptr<BuiltinTarget> target;
  std::shared_ptr<AsyncCall> call;
  std::shared_ptr<const LinkTable> links;  ///< where info.link_config lives
  std::string source;
  std::string link_name;
  std::string interface;
  std::string function;
  std::string trace_parent;
  std::string trace_state;
  std::vector<std::byte> params;
  CallInfo info;
};

Result<std::shared_ptr<BuiltinTarget>> BuiltinTarget::create(std::unique_ptr<Builtin> builtin,
                                                             BuiltinTargetOptions options) {
  if (const auto& fault = detail::BuiltinAccess::state(*builtin).fault; !fault.empty()) {
    return Error(Errc::invalid_argument, "the provider " + options.id + " cannot be started: " + fault);
  }
  return std::shared_ptr<BuiltinTarget>(new BuiltinTarget(std::move(builtin), std::move(options)));
}

BuiltinTarget::BuiltinTarget(std::unique_ptr<Builtin> builtin, BuiltinTargetOptions options)
    : options_(std::move(options)),
      builtin_(std::move(builtin)),
      state_(detail::BuiltinAccess::state(*builtin_)),
      links_(options_.shards, std::make_shared<const LinkTable>()),
      lanes_(options_.shards) {}

BuiltinTarget::~BuiltinTarget() = default;

template <class Work>
Result<void> BuiltinTarget::fence(const CallInfo& info, Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return threw(info, Errc::resource_exhausted, "out of memory");
  } catch (const std::exception& error) {
    return threw(info, Errc::internal, error.what());
  } catch (...) {
    return threw(info, Errc::internal, "an unknown exception");
  }
}

Error BuiltinTarget::threw(const CallInfo& info, Errc code, const char* what) {
  exceptions_.fetch_add(1, std::memory_order_relaxed);
  async::count_exception();
  Error error(code, "the provider " + options_.id + " threw: " + what);
  if (options_.log) options_.log(LogLevel::error, options_.id, describe(info, error).to_string());
  return error;
}

Error BuiltinTarget::describe(const CallInfo& info, Error error) const {
  return std::move(error).in("call " + name_of(info.interface, info.function) + " of " + options_.id);
}

Result<const detail::BuiltinFunction*> BuiltinTarget::admit(CallLane& lane, const dispatch::Invocation& invocation) {
  const detail::BuiltinFunction* function = state_.find(invocation.interface, invocation.function);
  if (function == nullptr) {
    return Error(
        Errc::not_found,
        "the provider " + options_.id + " has no function " + name_of(invocation.interface, invocation.function),
        "link the interface to a provider that serves it", Blame::operator_);
  }
  // Counted before stopping_ is read, and stop() looks the other way round: one of the two sees the other.
  const std::uint32_t running = lane.running.fetch_add(1) + 1;
  if (!stopping_.load() && running <= options_.max_calls) return function;
  call_ended(lane);
  if (stopping_.load()) return stopping_error(options_.id);
  return Error(Errc::resource_exhausted, "the provider " + options_.id + " has too many calls in flight",
               "call it less often at once", Blame::peer);
}

std::unique_ptr<dispatch::PendingCall> BuiltinTarget::invoke(async::Shard& shard,
                                                             const dispatch::Invocation& invocation,
                                                             dispatch::CallHandler& handler) {
  WEFT_ASSERT(shard.index() < lanes_.size());
  CallLane& lane = lanes_[shard.index()];
  auto admitted = admit(lane, invocation);
  if (!admitted) {
    handler.on_error(std::move(admitted).error());
    return nullptr;
  }
  const detail::BuiltinFunction& function = **admitted;
  const dispatch::CallContext& context = invocation.context;
  const CallInfo info{
      .source = context.source,
      .link_name = context.link_name,
      .interface = invocation.interface,
      .function = invocation.function,
      .link_config = links_.read(shard.index())->find_config(context.source, context.link_name, invocation.interface),
      .deadline = context.deadline,
      .chain = context.chain,
      .shard = shard.index(),
      .trace_parent = context.trace_parent,
      .trace_state = context.trace_state};
  switch (function.kind) {
    case detail::BuiltinFunction::Kind::answers:
      answer(function, info, invocation, lane, handler);
      return nullptr;
    case detail::BuiltinFunction::Kind::replies:
      return reply_later(function, info, invocation, shard, handler);
    case detail::BuiltinFunction::Kind::blocks:
      return run_blocking(function, info, invocation, shard, handler);
  }
  return nullptr;
}

void BuiltinTarget::answer(const detail::BuiltinFunction& function, const CallInfo& info,
                           const dispatch::Invocation& invocation, CallLane& lane, dispatch::CallHandler& handler) {
  // The handler may call this target again, and may destroy it: nothing of it is used once the handler has been told.
  ValueReader params(invocation.params);
  ValueWriter results;
  auto outcome = fence(info, [&] { return function.answer(info, params, results); });
  if (outcome) {
    call_ended(lane);
    handler.on_results(results.bytes());
    return;
  }
  Error error = describe(info, std::move(outcome).error());
  call_ended(lane);
  handler.on_error(std::move(error));
}

std::unique_ptr<dispatch::PendingCall> BuiltinTarget::reply_later(const detail::BuiltinFunction& function,
                                                                  const CallInfo& info,
                                                                  const dispatch::Invocation& invocation,
                                                                  async::Shard& shard, dispatch::CallHandler& handler) {
  const auto call = std::make_shared<AsyncCall>(shard, shared_from_this(), lanes_[shard.index()], handler);
  ValueReader params(invocation.params);
  std::vector<detail::NamedChannelIn> streams;
  if (invocation.channels != nullptr) streams = to_provider(shard, std::exchange(*invocation.channels, {}));
  auto outcome = fence(info, [&] { return function.reply(info, params, streams, call); });
  if (!outcome) outcome = describe(info, std::move(outcome).error());
  if (call->function_returned(std::move(outcome))) return nullptr;
  return std::make_unique<Pending>(call);
}

std::unique_ptr<dispatch::PendingCall> BuiltinTarget::run_blocking(const detail::BuiltinFunction& function,
                                                                   const CallInfo& info,
                                                                   const dispatch::Invocation& invocation,
                                                                   async::Shard& shard,
                                                                   dispatch::CallHandler& handler) {
  auto call = std::make_shared<AsyncCall>(shard, shared_from_this(), lanes_[shard.index()], handler);
  Result<void> outcome;
  if (options_.post_blocking) {
    auto work = std::make_unique<BlockingCall>(shared_from_this(), call, info, invocation.params);
    static_cast<void>(options_.post_blocking([work = std::move(work), &function]() noexcept { work->run(function); }));
  } else {
    outcome = describe(info, Error(Errc::unavailable, "this host has no pool for blocking work"));
  }
  if (call->function_returned(std::move(outcome))) return nullptr;
  return std::make_unique<Pending>(std::move(call));
}

void BuiltinTarget::end_chain(async::Shard& /*shard*/, std::uint64_t chain) noexcept {
  for (detail::HandleTable* table : state_.tables) table->drop_chain(chain);
}

void BuiltinTarget::drop_resource(async::Shard& shard, const dispatch::Invocation& drop) noexcept {
  class Nobody final : public dispatch::CallHandler {
   public:
    void on_results(std::span<const std::byte> /*results*/) override {}
    void on_error(Error /*error*/) override {}
  } nobody;
  // Functions that drop answer at once; one that does not loses nothing but its answer.
  static_cast<void>(invoke(shard, drop, nobody));
}

std::vector<dispatch::FunctionName> BuiltinTarget::functions() const {
  std::vector<dispatch::FunctionName> names;
  names.reserve(state_.functions.size());
  for (const auto& [key, function] : state_.functions) {
    names.push_back({.interface = key.first, .function = key.second, .param_paths = function.param_paths});
  }
  return names;
}

Result<void> BuiltinTarget::put_link(const BuiltinLink& link) {
  WEFT_CHECK(builtin_->put_link(link));
  if (link.target == options_.id) links_.publish(links_.get()->with(link));
  return {};
}

void BuiltinTarget::delete_link(const BuiltinLink& link) {
  if (link.target == options_.id) {
    links_.publish(links_.get()->without(link));
    if (!links_.get()->has_source(link.source)) {
      for (detail::HandleTable* table : state_.tables) table->drop_source(link.source);
    }
  }
  builtin_->delete_link(link);
}

void BuiltinTarget::call_ended(CallLane& lane) noexcept {
  lane.running.fetch_sub(1);
  if (stopping_.load()) {
    const std::scoped_lock lock(idle_mutex_);
    idle_.notify_all();
  }
}

bool BuiltinTarget::is_idle() const noexcept {
  if (blocking_.load() != 0) return false;
  for (const CallLane& lane : lanes_) {
    if (lane.running.load() != 0) return false;
  }
  return true;
}

bool BuiltinTarget::wait_until_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(idle_mutex_);
  return idle_.wait_for(lock, limit, [this] { return is_idle(); });
}

void BuiltinTarget::stop(std::chrono::milliseconds grace) {
  if (stopping_.exchange(true)) return;
  const bool idle = wait_until_idle(grace);
  stopped_.store(true);
  if (!idle && options_.pool != nullptr) {
    for (std::size_t index = 0; index < lanes_.size() && index < options_.pool->size(); ++index) {
      options_.pool->at(index).post([self = shared_from_this(), index]() noexcept {
        abort_all(self->lanes_[index], Error(Errc::cancelled, "the provider " + self->id() + " was stopped"));
      });
    }
    static_cast<void>(wait_until_idle(kBlockingGrace));
  }
  builtin_->stop();
}

}  // namespace weft::builtins
