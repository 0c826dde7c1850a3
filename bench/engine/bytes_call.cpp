// SPDX-License-Identifier: Apache-2.0
/// What a call of a guest costs without HTTP: a fresh instance of a component takes a list of bytes and gives it back.
/// One call after the other on one shard, from start to the freed instance.
///
/// usage: bytes_call VALUES_CALLEE.wasm [SECONDS]      prints {"0": ns, "1024": ns, "65536": ns}
#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/shard.hpp"
#include "engine/call.hpp"
#include "engine/engine.hpp"

namespace {

using namespace weft;
using Clock = std::chrono::steady_clock;

constexpr auto kFunction = "weft:values/echo#echo-list-u8";

/// Calls again and again until the time is over. All on its shard.
class Loop final : public engine::CallEvents {
 public:
  Loop(async::Shard& shard, const engine::Deployment& deployment, const engine::Function& function,
       engine::Bytes params, Clock::duration time)
      : shard_(shard), lane_(deployment), function_(function), params_(std::move(params)), time_(time) {}

  void start() {
    begin_ = Clock::now();
    call();
  }

  std::future<Result<double>> nanos_per_call() { return answer_.get_future(); }

 private:
  void call() {
    auto call = engine::Call::function(lane_, function_, params_, shard_, *this);
    if (!call) {
      return answer_.set_value(std::move(call).error());
    }
    call_ = *std::move(call);
    call_->poll_now();
  }

  void on_polled(engine::Polled polled) override {
    if (!polled.done) {
      return;
    }
    const auto outcome = call_->outcome();
    if (!outcome) {
      return answer_.set_value(outcome.error());
    }
    if (call_->result().size() != params_.size()) {
      return answer_.set_value(Error(Errc::internal, "the guest gave back something else"));
    }
    call_.reset();
    ++calls_;
    const auto passed = Clock::now() - begin_;
    if (passed >= time_) {
      return answer_.set_value(std::chrono::duration<double, std::nano>(passed).count() / static_cast<double>(calls_));
    }
    // From the loop, not from here: the stack must not grow.
    shard_.post([this]() noexcept { call(); });
  }

  void on_log(std::uint32_t /*stream*/, std::string_view /*line*/) override {}

  async::Shard& shard_;
  engine::Lane lane_;
  const engine::Function& function_;
  engine::Bytes params_;
  Clock::duration time_;
  Clock::time_point begin_;
  std::uint64_t calls_ = 0;
  std::unique_ptr<engine::Call> call_;
  std::promise<Result<double>> answer_;
};

Result<double> measure(async::Shard& shard, const engine::Deployment& deployment, std::size_t bytes,
                       Clock::duration time) {
  WEFT_TRY(const auto function, deployment.find(kFunction));
  std::string list = "[";
  for (std::size_t index = 0; index < bytes; ++index) {
    list += index == 0 ? "7" : ",7";
  }
  WEFT_TRY(auto params, function.encode({list + "]"}, ValueFormat::json));
  auto loop = std::make_unique<Loop>(shard, deployment, function, std::move(params), time);
  auto answer = loop->nanos_per_call();
  shard.post([&loop]() noexcept { loop->start(); });
  auto nanos = answer.get();
  // The lane belongs to the shard.
  std::promise<void> gone;
  shard.post([&]() noexcept {
    loop.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  return nanos;
}

Result<std::string> run(const std::string& path, Clock::duration time) {
  std::ifstream file(path, std::ios::binary);
  const std::string wasm{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  WEFT_TRY(auto engine, engine::Engine::create({}));
  WEFT_TRY(const auto module, engine.load(wasm));
  WEFT_TRY(const auto deployment, engine.prepare(module, "callee", Grants{}, Limits{}));
  async::ShardPool shards(1);
  std::string json;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1024}, std::size_t{65536}}) {
    WEFT_TRY(const auto nanos, measure(shards.at(0), deployment, bytes, time));
    json += fmt::format("{}\"{}\": {:.0f}", json.empty() ? "{" : ", ", bytes, nanos);
  }
  return json + "}";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: bytes_call VALUES_CALLEE.wasm [SECONDS]\n");
    return 2;
  }
  const double seconds = argc == 3 ? std::strtod(argv[2], nullptr) : 1;
  const auto report = run(argv[1], std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  if (!report) {
    fmt::print(stderr, "{}\n", report.error().to_string());
    return 1;
  }
  fmt::print("{}\n", *report);
  return 0;
}
