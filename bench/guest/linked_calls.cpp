// SPDX-License-Identifier: Apache-2.0
/// What a call from one component to another costs: over a link, through the dispatcher, values-caller calls
/// values-callee with a list of bytes and gets it back. With a fresh instance of the callee for each call, and with one
/// that is reused; the latter also as a host routes it, so that it could be watched, and while it is.
///
/// usage: linked_calls VALUES_CALLER.wasm VALUES_CALLEE.wasm [SECONDS]
///        prints {"1024": ns, "65536": ns, "1024 reused": ns, "1024 reused, tapped": ns, "1024 reused, watched": ns},
///        medians of a call
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.hpp"
#include "engine/engine.hpp"
#include "guest/component_target.hpp"
#include "host/spy/call_tap.hpp"
#include "host/spy/tapped_target.hpp"

namespace {

using namespace weft;
using Clock = std::chrono::steady_clock;

/// Calls that one call of the caller makes, so that its own cost does not count.
constexpr std::size_t kCallsInOne = 100;

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Calls the caller again and again until the time is over. All on its shard.
class Loop final : public dispatch::CallHandler {
 public:
  Loop(async::Shard& shard, dispatch::Target& caller, engine::Bytes params, Clock::duration time)
      : shard_(shard), caller_(caller), params_(std::move(params)), end_(Clock::now() + time) {}

  void call() {
    begin_ = Clock::now();
    is_over_ = false;
    auto pending = caller_.invoke(
        shard_, {.interface = "weft:values/drive", .function = "pump", .params = params_, .context = {}}, *this);
    if (!is_over_) {
      pending_ = std::move(pending);
    }
  }
  std::future<Result<double>> median() { return answer_.get_future(); }

 private:
  void on_results(std::span<const std::byte> /*results*/) override {
    is_over_ = true;
    nanos_.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin_).count() / kCallsInOne);
    pending_.reset();
    if (Clock::now() < end_) {
      return shard_.post([this]() noexcept { call(); });
    }
    answer_.set_value(median_of(std::move(nanos_)));
  }
  void on_error(Error error) override {
    is_over_ = true;
    pending_.reset();
    answer_.set_value(std::move(error));
  }

  async::Shard& shard_;
  dispatch::Target& caller_;
  engine::Bytes params_;
  Clock::time_point end_;
  Clock::time_point begin_;
  bool is_over_ = false;
  std::unique_ptr<dispatch::PendingCall> pending_;
  std::vector<double> nanos_;
  std::promise<Result<double>> answer_;
};

class Bench {
 public:
  enum class Tap : std::uint8_t { none, off, on };
  static Result<std::unique_ptr<Bench>> create(const std::string& caller, const std::string& callee,
                                               std::uint32_t reuse, Tap tap = Tap::none) {
    WEFT_TRY(auto engine, engine::Engine::create({}));
    std::unique_ptr<Bench> bench(new Bench(std::move(engine)));
    WEFT_TRY(bench->caller_, bench->load("caller", caller, 0));
    WEFT_TRY(bench->callee_, bench->load("callee", callee, reuse));
    std::shared_ptr<dispatch::Target> target = bench->callee_;
    if (tap != Tap::none) {
      target = std::make_shared<host::TappedTarget>(bench->tap_, target, wire::CallWay::here);
    }
    bench->table_.set_routes("caller", {{"default", "weft:values/echo", "callee", std::move(target)}});
    bench->wait(bench->dispatcher_.publish(bench->table_.snapshot()));
    if (tap == Tap::on) {
      bench->wait(bench->tap_.set(
          std::make_shared<host::TapSettings>(host::TapSettings{.wanted = {host::CallFilter{}}, .max_bytes = 4096})));
    }
    return bench;
  }
  ~Bench() {
    for (const auto& target : {caller_, callee_}) {
      if (target) {
        target->close(std::chrono::milliseconds(0));
      }
    }
    wait(tap_.close());
    watcher_.stop();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Result<double> measure(std::size_t bytes, Clock::duration time) {
    WEFT_TRY(const auto pump, caller_->component().deployment().find("weft:values/drive#pump"));
    WEFT_TRY(auto params, pump.encode({std::to_string(kCallsInOne), std::to_string(bytes)}, ValueFormat::json));
    auto loop = std::make_unique<Loop>(shards_.at(0), *caller_, std::move(params), time);
    auto median = loop->median();
    shards_.at(0).post([&loop]() noexcept { loop->call(); });
    return median.get();
  }

 private:
  explicit Bench(engine::Engine engine) : engine_(std::move(engine)) { watcher_.start(); }

  Result<std::shared_ptr<guest::ComponentTarget>> load(const std::string& id, const std::string& path,
                                                       std::uint32_t reuse) {
    const auto wasm = read_whole(path);
    const Limits limits{.reuse = reuse};
    WEFT_TRY(auto info, engine::describe(wasm));
    WEFT_TRY(auto module, engine_.load(wasm));
    WEFT_TRY(auto deployment, engine_.prepare(module, id, {}, limits, engine::Imports::all));
    auto component =
        std::make_shared<guest::LoadedComponent>(ComponentConfig{.id = id, .grants = {}, .limits = limits},
                                                 std::move(info), std::move(module), std::move(deployment));
    return std::make_shared<guest::ComponentTarget>(shards_, std::move(component), dispatcher_,
                                                    guest::ComponentTargetConfig{.max_instances = 100}, log_);
  }

  void wait(async::Task<void> task) {
    auto done = boost::asio::co_spawn(control_, std::move(task), boost::asio::use_future);
    control_.restart();
    const auto keep = boost::asio::make_work_guard(control_);
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      control_.run_one();
    }
    static_cast<void>(done.get());
  }

  boost::asio::io_context control_;  ///< where publish() is awaited; outlives the shards, which post to it last
  engine::Engine engine_;
  LogSink log_;
  async::Shard watcher_{100};  ///< where what is seen goes, and is thrown away
  async::ShardPool shards_{1};
  dispatch::Dispatcher dispatcher_{shards_};
  host::CallTap tap_{watcher_, shards_, [](std::vector<host::SeenCall> /*calls*/) {}};
  dispatch::RoutingTable table_;
  std::shared_ptr<guest::ComponentTarget> caller_;
  std::shared_ptr<guest::ComponentTarget> callee_;
};

Result<std::string> run(const std::string& caller, const std::string& callee, Clock::duration time) {
  WEFT_TRY(const auto fresh, Bench::create(caller, callee, 0));
  WEFT_TRY(const auto small, fresh->measure(1024, time));
  WEFT_TRY(const auto large, fresh->measure(65536, time));
  // These are compared, so they take turns.
  constexpr std::uint32_t always = 1'000'000'000;
  WEFT_TRY(const auto reused, Bench::create(caller, callee, always));
  WEFT_TRY(const auto tapped, Bench::create(caller, callee, always, Bench::Tap::off));
  WEFT_TRY(const auto watched, Bench::create(caller, callee, always, Bench::Tap::on));
  constexpr int turns = 5;
  std::vector<double> plain, unseen, seen;
  for (int turn = 0; turn < turns; ++turn) {
    WEFT_TRY(plain.emplace_back(), reused->measure(1024, time / turns));
    WEFT_TRY(unseen.emplace_back(), tapped->measure(1024, time / turns));
    WEFT_TRY(seen.emplace_back(), watched->measure(1024, time / turns));
  }
  return fmt::format(
      "{{\"1024\": {:.0f}, \"65536\": {:.0f}, \"1024 reused\": {:.0f}, \"1024 reused, tapped\": {:.0f}, "
      "\"1024 reused, watched\": {:.0f}}}",
      small, large, median_of(plain), median_of(unseen), median_of(seen));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: linked_calls VALUES_CALLER.wasm VALUES_CALLEE.wasm [SECONDS]\n");
    return 2;
  }
  const double seconds = argc == 4 ? std::strtod(argv[3], nullptr) : 1;
  const auto report =
      run(argv[1], argv[2], std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  if (!report) {
    fmt::print(stderr, "{}\n", report.error().to_string());
    return 1;
  }
  fmt::print("{}\n", *report);
  return 0;
}
