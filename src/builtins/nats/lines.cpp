// SPDX-License-Identifier: Apache-2.0
#include "builtins/nats/lines.hpp"

#include <utility>

#include "async/on_shard.hpp"

namespace weft::builtins::nats {

Line::Line(async::Shard& shard, Access access, std::unique_ptr<bus::NatsBus> bus)
    : shard_(shard),
      access_(std::move(access)),
      bus_(std::move(bus)),
      scope_(std::make_unique<async::TaskScope>(shard)) {}

Line::~Line() = default;

namespace {

/// Goes with a task, run or not: does what it was given at the end.
class Leaving {
 public:
  explicit Leaving(std::move_only_function<void()> leave) : leave_(std::move(leave)) {}
  Leaving(Leaving&& other) noexcept : leave_(std::exchange(other.leave_, {})) {}
  Leaving& operator=(Leaving&&) = delete;
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() {
    if (leave_) leave_();
  }

 private:
  std::move_only_function<void()> leave_;
};

async::Task<void> run_counted(async::Task<void> task, Leaving /*leaving*/) { co_return co_await std::move(task); }

}  // namespace

void Line::spawn(std::string name, async::Task<void> task, Work work) {
  const std::scoped_lock lock(mutex_);
  // Dropped here and not by the scope, which may not be there any more when its turn comes.
  if (is_closed_) return;
  if (work == Work::service) {
    scope_->spawn(std::move(name), std::move(task));
    return;
  }
  ++running_;
  Leaving leaving([self = shared_from_this()] {
    const std::scoped_lock leaving_lock(self->mutex_);
    --self->running_;
    self->idle_.notify_all();
  });
  scope_->spawn(std::move(name), run_counted(std::move(task), std::move(leaving)));
}

Result<void> Line::check_connected() const {
  switch (bus_->state()) {
    case bus::BusState::connected:
      return {};
    case bus::BusState::closed:
      return Error(Errc::unavailable, "the NATS server at " + access_.shown() + " refuses the credentials",
                   "correct them and put the link again", Blame::operator_);
    case bus::BusState::disconnected:
      return Error(Errc::unavailable, "no connection to the NATS server at " + access_.shown(),
                   "start it, or correct cluster_uri", Blame::operator_);
  }
  return {};
}

void Line::on_shard(std::function<void()> work) { async::on_shard(shard_, std::move(work)); }

void Line::close() {
  {
    std::unique_lock lock(mutex_);
    is_closed_ = true;
    idle_.wait_for(lock, kGrace, [this] { return running_ == 0; });
  }
  scope_->close_and_wait();
  bus_.reset();
}

Lines::Lines(std::string name, std::string provider, LogSink log)
    : name_(std::move(name)), provider_(std::move(provider)), log_(std::move(log)) {
  shard_.start();
}

Lines::~Lines() {
  close();
  shard_.stop();
}

Result<std::unique_ptr<bus::NatsBus>> Lines::connect(const Access& access) const {
  auto options = access.options(name_, provider_, log_);
  auto bus = bus::NatsBus::connect(options);
  const bool is_away =
      !bus && (bus.error().code() == Errc::unavailable || bus.error().code() == Errc::deadline_exceeded);
  if (!is_away) return bus;
  log_(LogLevel::warning, provider_,
       "no connection to " + access.shown() + " yet, trying on: " + bus.error().to_string());
  options.first_connect = bus::FirstConnect::wait_for_server;
  return bus::NatsBus::connect(std::move(options));
}

Result<std::shared_ptr<Line>> Lines::take(const Access& access) {
  if (is_closed_) return Error(Errc::unavailable, "the provider " + provider_ + " is being stopped");
  auto found = used_.find(access);
  if (found != used_.end() && found->second.line->bus().state() != bus::BusState::closed) {
    ++found->second.times;
    return found->second.line;
  }
  // One whose server has refused it for good stays with those who hold it.
  WEFT_TRY(auto bus, connect(access));
  auto line = std::make_shared<Line>(shard_, access, std::move(bus));
  if (found != used_.end()) {
    found->second.line->close();
    used_.erase(found);
  }
  used_.emplace(access, Used{.line = line, .times = 1});
  return line;
}

void Lines::give_back(const std::shared_ptr<Line>& line) {
  const auto found = used_.find(line->access());
  if (found == used_.end() || found->second.line != line || --found->second.times > 0) return;
  used_.erase(found);
  line->close();
}

void Lines::close() {
  is_closed_ = true;
  for (auto& [access, used] : used_) used.line->close();
  used_.clear();
}

}  // namespace weft::builtins::nats
