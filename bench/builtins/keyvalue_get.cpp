// SPDX-License-Identifier: Apache-2.0
/// What a call of a built-in provider costs: `get` of the keyvalue provider in memory, from encoded parameters to
/// encoded results, by 1, 2, ... shards at once.
///
/// usage: keyvalue_get [SECONDS]      prints {"1": ns, "2": ns}, the processor time of one call on one shard
#include <fmt/core.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "async/shard.hpp"
#include "builtins/builtin_target.hpp"
#include "builtins/keyvalue/keyvalue.hpp"

namespace {

using namespace weft;
using namespace weft::builtins;
using Clock = std::chrono::steady_clock;

/// Of this thread: what others do on the machine does not count.
double cpu_nanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

class Counting final : public dispatch::CallHandler {
 public:
  void on_results(std::span<const std::byte> results) override { bytes += results.size(); }
  void on_error(Error error) override {
    fmt::print(stderr, "{}\n", error.to_string());
    std::exit(1);
  }
  std::size_t bytes = 0;
};

void invoke(BuiltinTarget& target, async::Shard& shard, std::string_view function, std::span<const std::byte> params,
            Counting& handler) {
  static_cast<void>(target.invoke(shard,
                                  {.interface = "wrpc:keyvalue/store@0.2.0-draft",
                                   .function = function,
                                   .params = params,
                                   .context = {.source = "bench", .link_name = "default"}},
                                  handler));
}

double nanos_per_call(BuiltinTarget& target, async::Shard& shard, Clock::duration time) {
  constexpr int keys = 256;
  constexpr int rounds = 100;
  Counting handler;
  std::vector<std::vector<std::byte>> gets;
  for (int key = 0; key < keys; ++key) {
    const std::string name = "key-" + std::to_string(key);
    invoke(target, shard, "set", *encode(std::tuple("default", name, std::vector<std::byte>(100))), handler);
    gets.push_back(*encode(std::tuple("default", name)));
  }
  const auto begin = Clock::now();
  const double begin_cpu = cpu_nanos();
  std::uint64_t calls = 0;
  while (Clock::now() - begin < time) {
    for (int round = 0; round < rounds; ++round) {
      for (const auto& params : gets) invoke(target, shard, "get", params, handler);
    }
    calls += rounds * keys;
  }
  return (cpu_nanos() - begin_cpu) / static_cast<double>(calls);
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::duration<double> seconds(argc > 1 ? std::atof(argv[1]) : 2.0);
  const auto time = std::chrono::duration_cast<Clock::duration>(seconds);
  async::ShardPool pool(0);
  std::string line;
  for (std::size_t shards = 1; shards <= pool.size(); ++shards) {
    auto builtin = keyvalue::factory()({.id = "kv", .shards = shards});
    const auto target = *BuiltinTarget::create(*std::move(builtin), {.id = "kv", .shards = shards});
    std::vector<std::future<double>> results;
    for (std::size_t index = 0; index < shards; ++index) {
      std::promise<double> promise;
      results.push_back(promise.get_future());
      pool.at(index).post([&pool, target, index, time, promise = std::move(promise)]() mutable noexcept {
        promise.set_value(nanos_per_call(*target, pool.at(index), time));
      });
    }
    double sum = 0;
    for (auto& result : results) sum += result.get();
    line += fmt::format("{}\"{}\": {:.0f}", line.empty() ? "" : ", ", shards, sum / static_cast<double>(shards));
  }
  fmt::print("{{{}}}\n", line);
  return 0;
}
