// SPDX-License-Identifier: Apache-2.0
#include "guest/one_call.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "async/on_shard.hpp"

namespace weft::guest {
namespace {

/// Owned by its shard's posted work until the answer is given; everything but the constructor runs there.
class OneCall final : public engine::CallEvents, public std::enable_shared_from_this<OneCall> {
 public:
  OneCall(async::Shard& shard, const LoadedComponent& component, const LogSink& log)
      : shard_(shard), component_(component), log_(log), lane_(component.deployment()), timer_(shard.io()) {}

  std::future<Result<CallAnswer>> answer() { return answer_.get_future(); }

  void start(const engine::Function* function, const engine::Bytes& params) {
    auto call = function == nullptr ? engine::Call::command(lane_, shard_, *this)
                                    : engine::Call::function(lane_, *function, params, shard_, *this);
    if (!call) {
      return finish(std::move(call).error());
    }
    call_ = *std::move(call);
    if (const auto timeout = component_.config().limits.timeout; timeout.count() != 0) {
      timer_.expires_after(timeout);
      timer_.async_wait([self = shared_from_this(), timeout](boost::system::error_code error) {
        if (!error) {
          self->finish(Error(Errc::deadline_exceeded, fmt::format("the guest took longer than {} ms", timeout.count()),
                             "raise the limit with --timeout", Blame::guest));
        }
      });
    }
    call_->poll_now();
  }

  void cancel() { finish(Error(Errc::cancelled, "the call was cancelled")); }

 private:
  void on_polled(engine::Polled polled) override {
    if (!polled.done) {
      return;
    }
    auto outcome = call_->outcome();
    if (!outcome) {
      return finish(std::move(outcome).error());
    }
    const auto result = call_->result();
    finish(CallAnswer{*outcome, {result.begin(), result.end()}, call_->stats()});
  }

  void on_log(std::uint32_t stream, std::string_view line) override {
    if (log_) {
      log_(stream == 2 ? LogLevel::warning : LogLevel::info, component_.id(), line);
    }
  }

  void finish(Result<CallAnswer> answer) {
    if (std::exchange(finished_, true)) {
      return;
    }
    timer_.cancel();
    // Last, because it frees the guest, and before the waiting thread goes on and may free the host.
    call_.reset();
    answer_.set_value(std::move(answer));
  }

  async::Shard& shard_;
  const LoadedComponent& component_;
  const LogSink& log_;
  engine::Lane lane_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<engine::Call> call_;
  std::promise<Result<CallAnswer>> answer_;
  bool finished_ = false;
};

}  // namespace

Result<CallAnswer> run_one_call(async::Shard& shard, const LoadedComponent& component, const engine::Function* function,
                                const engine::Bytes& params, const LogSink& log, const std::stop_token& stop) {
  auto call = std::make_shared<OneCall>(shard, component, log);
  auto answer = call->answer();
  shard.post([call, function, &params]() noexcept { call->start(function, params); });
  const std::stop_callback cancel(stop, [&shard, call] { shard.post([call]() noexcept { call->cancel(); }); });
  auto given = answer.get();
  // The lane belongs to the shard, and the caller may free the component after this returns.
  async::on_shard(shard, [&call] { call.reset(); });
  return given;
}

}  // namespace weft::guest
