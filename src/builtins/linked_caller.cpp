// SPDX-License-Identifier: Apache-2.0
#include "builtins/linked_caller.hpp"

#include <unordered_map>
#include <utility>

namespace weft::builtins {

/// One call, on its shard once it has begun.
class LinkedCaller::OpenCall final : public dispatch::CallHandler {
 public:
  OpenCall(std::shared_ptr<LinkedCaller> the_owner, LinkedCall the_call, std::vector<std::byte> the_params,
           Done the_done)
      : owner(std::move(the_owner)),
        call(std::move(the_call)),
        deadline(std::chrono::steady_clock::now() + call.timeout),
        params(std::move(the_params)),
        done(std::move(the_done)) {}
  /// Dropped unrun, by shards that have stopped: the provider is told all the same.
  virtual ~OpenCall() {
    pending.reset();
    if (done) tell(Error(Errc::cancelled, "the call was cancelled: the provider or the host stops"));
  }
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;

  void on_results(std::span<const std::byte> results) override {
    meter.end(false);
    finish(std::vector<std::byte>(results.begin(), results.end()));
  }
  void on_error(Error error) override {
    meter.end(true);
    finish(std::move(error));
  }

  std::shared_ptr<LinkedCaller> owner;
  LinkedCall call;
  std::chrono::steady_clock::time_point deadline;
  std::vector<std::byte> params;
  Done done;
  std::size_t lane = 0;
  bool is_beginning = true;  ///< invoke() has not returned: what it was given must stay
  bool is_over = false;
  dispatch::CallMeter meter;
  std::unique_ptr<dispatch::PendingCall> pending;

 private:
  void finish(Result<std::vector<std::byte>> results) {
    // Kept beyond this call, which ended() may destroy.
    const auto keeper = owner;
    tell(std::move(results));
    keeper->ended(*this);
  }
  void tell(Result<std::vector<std::byte>> results) noexcept {
    const auto keeper = owner;
    auto told = std::exchange(done, {});
    told(std::move(results));
    told = nullptr;
    keeper->call_over();
  }
};

struct LinkedCaller::Lane {
  std::unordered_map<OpenCall*, std::unique_ptr<OpenCall>> calls;
};

LinkedCaller::LinkedCaller(std::string id, async::ShardPool* shards, dispatch::Dispatcher* dispatcher)
    : id_(std::move(id)), shards_(shards), dispatcher_(dispatcher) {
  if (shards_ == nullptr || dispatcher_ == nullptr) closed_ = true;
  for (std::size_t index = 0; shards_ != nullptr && index < shards_->size(); ++index) {
    lanes_.push_back(std::make_unique<Lane>());
  }
}

LinkedCaller::~LinkedCaller() = default;

void LinkedCaller::call(LinkedCall call, std::vector<std::byte> params, Done done) {
  const char* refused = nullptr;
  Errc code = Errc::unavailable;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) {
      refused = "is being stopped, or has nothing to call components with";
    } else if (open_ == kMaxCalls) {
      refused = "has too many calls of components under way";
      code = Errc::resource_exhausted;
    } else {
      ++open_;
    }
  }
  if (refused != nullptr) {
    done(Error(code, "the provider " + id_ + " " + refused));
    return;
  }
  auto opened = std::make_unique<OpenCall>(shared_from_this(), std::move(call), std::move(params), std::move(done));
  const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed) % lanes_.size();
  shards_->at(index).post([self = shared_from_this(), index, opened = std::move(opened)]() mutable noexcept {
    self->begin(index, std::move(opened));
  });
}

void LinkedCaller::begin(std::size_t index, std::unique_ptr<OpenCall> opened) noexcept {
  OpenCall& call = *opened;
  call.lane = index;
  lanes_[index]->calls.emplace(&call, std::move(opened));
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) {
      lanes_[index]->calls.erase(&call);
      return;
    }
  }
  const dispatch::Invocation invocation{.interface = call.call.interface,
                                        .function = call.call.function,
                                        .params = call.params,
                                        .context = {.source = id_,
                                                    .link_name = call.call.link_name,
                                                    .deadline = call.deadline,
                                                    .trace_parent = call.call.trace_parent,
                                                    .trace_state = call.call.trace_state}};
  auto pending = dispatcher_->invoke(shards_->at(index), call.call.link_interface, invocation, call, &call.meter);
  call.is_beginning = false;
  if (call.is_over) {
    lanes_[index]->calls.erase(&call);
  } else {
    call.pending = std::move(pending);
  }
}

void LinkedCaller::ended(OpenCall& call) noexcept {
  call.is_over = true;
  if (!call.is_beginning) lanes_[call.lane]->calls.erase(&call);
}

void LinkedCaller::call_over() noexcept {
  const std::scoped_lock lock(mutex_);
  --open_;
  idle_.notify_all();
}

void LinkedCaller::close() {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  for (std::size_t index = 0; index < lanes_.size(); ++index) {
    shards_->at(index).post([self = shared_from_this(), index]() noexcept {
      // Taken out first: whoever is told may look for its own.
      const auto calls = std::exchange(self->lanes_[index]->calls, {});
    });
  }
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, kCloseGrace, [this] { return open_ == 0; });
}

}  // namespace weft::builtins
