// SPDX-License-Identifier: Apache-2.0
/// What a call to a component of another host costs, against what its messages cost alone: two processes on one NATS
/// server, in each a weft endpoint and a bare connection of nats.c, measured in turns.
///
/// usage: remote_calls ECHO.wasm SINK.wasm NATS_URL [ROUNDS] [SECONDS] [ONLY]
///        ECHO exports weft:values/echo (values-callee), SINK weft:relay/relay (relay)
///        prints {"raw 1": us, "weft 1": us, "raw 64": calls/s, "weft 64": calls/s, "raw MiB": bytes/s, "weft MiB":
///        ...}
///    or: remote_calls --load LATTICE ID NATS_URL CALLS
///        calls echo-list-u8 of what runs as ID on a host, 64 at once with 1 KiB, until so many calls have been
///        answered; prints {"calls": how many, "seconds": ...}
///    or: remote_calls --raw NATS_URL SECONDS BYTES
///        requests of nats.c to another process, 64 at once with so many bytes, answered with the same; prints
///        {"rate": requests/s}
#include <fmt/core.h>
#include <nats/nats.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/shard_call.hpp"
#include "bus/nats_bus.hpp"
#include "dispatch/dispatcher.hpp"
#include "engine/engine.hpp"
#include "guest/component_target.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/ingress.hpp"
#include "wrpc/remote_target.hpp"

namespace {

using namespace weft;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kSmall = 1024;
constexpr std::size_t kBig = std::size_t{1} << 20;
constexpr int kMany = 64;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "remote_calls: {}\n", what);
  std::_Exit(1);
}

template <class T>
T get(Result<T> result, const char* what) {
  if (!result) {
    give_up(fmt::format("{}: {}", what, result.error().to_string()));
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) {
    give_up(fmt::format("{}: {}", what, natsStatus_GetText(status)));
  }
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A list<u8> or a string of so many bytes. The first is a blank: relay then looks through its argument once and not
/// twice for the words of its script.
std::vector<std::byte> list_of(std::size_t size) {
  std::vector<std::byte> bytes;
  for (auto length = size;; length >>= 7U) {
    bytes.push_back(static_cast<std::byte>((length & 0x7fU) | (length < 0x80 ? 0U : 0x80U)));
    if (length < 0x80) {
      break;
    }
  }
  const auto first = bytes.size();
  bytes.resize(first + size, std::byte{'z'});
  bytes[first] = std::byte{' '};
  return bytes;
}

natsConnection* connect_raw(const std::string& url) {
  natsOptions* options = nullptr;
  natsConnection* connection = nullptr;
  check(natsOptions_Create(&options), "options");
  check(natsOptions_SetURL(options, url.c_str()), "url");
  check(natsOptions_SetSendAsap(options, true), "send");
  check(natsConnection_Connect(&connection, options), "connect");
  natsOptions_Destroy(options);
  return connection;
}

/// Shards, a connection, and an endpoint on it.
struct Side {
  explicit Side(const std::string& url, const std::string& lattice = "bench") {
    control.start();
    bus::NatsOptions options;
    options.urls = {url};
    bus = get(bus::NatsBus::connect(std::move(options)), "weft's connection");
    endpoint.emplace(*bus, shards, wrpc::EndpointConfig{.lattice = lattice});
    get(async::run_on_shard_and_wait(control, endpoint->open()), "the endpoint");
  }
  async::Shard control{99};
  async::ShardPool shards{1};
  std::unique_ptr<bus::NatsBus> bus;
  std::optional<wrpc::Endpoint> endpoint;
};

/// Answers requests of nats.c with what they carry.
void serve_raw(natsConnection* raw) {
  natsSubscription* subscription = nullptr;
  check(natsConnection_Subscribe(
            &subscription, raw, "bench.raw",
            [](natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
              check(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                                           natsMsg_GetDataLength(message)),
                    "answer");
              natsMsg_Destroy(message);
            },
            nullptr),
        "subscribe");
}

[[noreturn]] void tell_ready_and_wait(int ready) {
  (void)!::write(ready, "x", 1);
  for (;;) {
    ::pause();
  }
}

[[noreturn]] void serve(const std::string& echo, const std::string& sink, const std::string& url, int ready) {
  auto* const raw = connect_raw(url);
  serve_raw(raw);
  natsSubscription* bulk = nullptr;
  check(natsConnection_Subscribe(
            &bulk, raw, "bench.bulk",
            [](natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
              if (natsMsg_GetReply(message) != nullptr) {
                check(natsConnection_Publish(connection, natsMsg_GetReply(message), "", 0), "answer");
              }
              natsMsg_Destroy(message);
            },
            nullptr),
        "subscribe");
  check(natsConnection_Flush(raw), "flush");

  Side side(url);
  auto engine = get(engine::Engine::create({}), "engine");
  dispatch::Dispatcher dispatcher(side.shards);
  const LogSink log;
  std::vector<std::shared_ptr<guest::ComponentTarget>> targets;
  wrpc::Ingress ingress(*side.endpoint);
  for (const auto& [id, path] : std::map<std::string, std::string>{{"echo", echo}, {"sink", sink}}) {
    const auto wasm = read_whole(path);
    auto info = get(engine::describe(wasm), "describe");
    auto module = get(engine.load(wasm), "load");
    auto deployment = get(engine.prepare(module, id, {}, {}, engine::Imports::all), "prepare");
    auto component =
        std::make_shared<guest::LoadedComponent>(ComponentConfig{.id = id, .grants = {}, .limits = {}}, std::move(info),
                                                 std::move(module), std::move(deployment));
    targets.push_back(std::make_shared<guest::ComponentTarget>(
        side.shards, std::move(component), dispatcher, guest::ComponentTargetConfig{.max_instances = 200}, log));
    get(async::run_on_shard_and_wait(side.control, ingress.serve(targets.back())), "serve");
  }
  get(async::run_on_shard_and_wait(side.control, side.bus->flush(std::chrono::seconds(5))), "flush");
  tell_ready_and_wait(ready);
}

/// Calls again and again, so many at once, until the time is over.
class Calls {
 public:
  Calls(Side& side, dispatch::Target& target, std::string interface, std::string function, std::size_t bytes)
      : shard_(side.shards.at(0)),
        target_(target),
        interface_(std::move(interface)),
        function_(std::move(function)),
        params_(list_of(bytes)) {}

  struct Figures {
    double median_us = 0;
    double per_second = 0;
    std::size_t count = 0;
  };
  Figures run(int at_once, Clock::duration time) {
    begin_ = Clock::now();
    end_ = begin_ + time;
    left_ = at_once;
    micros_.clear();
    std::vector<std::unique_ptr<One>> calls;
    for (int number = 0; number < at_once; ++number) {
      calls.push_back(std::make_unique<One>(*this));
      shard_.post([call = calls.back().get()]() noexcept { call->next(); });
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
    const auto seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    const auto middle = micros_.begin() + static_cast<std::ptrdiff_t>(micros_.size() / 2);
    std::ranges::nth_element(micros_, middle);
    return {.median_us = *middle, .per_second = static_cast<double>(micros_.size()) / seconds, .count = micros_.size()};
  }

 private:
  class One final : public dispatch::CallHandler {
   public:
    explicit One(Calls& all) : all_(all) {}
    void next() {
      if (Clock::now() >= all_.end_) {
        const std::lock_guard lock(all_.mutex_);
        if (--all_.left_ == 0) {
          all_.done_.notify_all();
        }
        return;
      }
      begin_ = Clock::now();
      pending_ = all_.target_.invoke(all_.shard_,
                                     {.interface = all_.interface_,
                                      .function = all_.function_,
                                      .params = all_.params_,
                                      .context = {.source = "bench", .link_name = "default"}},
                                     *this);
    }

   private:
    void on_results(std::span<const std::byte> /*results*/) override {
      all_.micros_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin_).count());
      all_.shard_.post([this]() noexcept {
        pending_.reset();
        next();
      });
    }
    void on_error(Error error) override { give_up(error.to_string()); }
    Calls& all_;
    Clock::time_point begin_;
    std::unique_ptr<dispatch::PendingCall> pending_;
  };

  async::Shard& shard_;
  dispatch::Target& target_;
  std::string interface_, function_;
  std::vector<std::byte> params_;
  Clock::time_point begin_, end_;
  std::vector<double> micros_;
  std::mutex mutex_;
  std::condition_variable done_;
  int left_ = 0;
};

double raw_latency(natsConnection* connection, Clock::duration time) {
  const std::string payload(kSmall, 'z');
  std::vector<double> micros;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const auto begin = Clock::now();
    natsMsg* answer = nullptr;
    check(natsConnection_Request(&answer, connection, "bench.raw", payload.data(), static_cast<int>(payload.size()),
                                 5000),
          "request");
    natsMsg_Destroy(answer);
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  const auto middle = micros.begin() + static_cast<std::ptrdiff_t>(micros.size() / 2);
  std::ranges::nth_element(micros, middle);
  return *middle;
}

/// So many requests at once, each answer the cause of the next.
struct RawRate {
  std::string inbox;
  std::string payload;
  std::atomic<long> answers{0};
  std::atomic<bool> goes_on{true};
};

double raw_rate(natsConnection* connection, Clock::duration time, std::size_t bytes) {
  static std::atomic<int> number{0};
  RawRate rate;
  rate.payload.assign(bytes, 'z');
  rate.inbox = fmt::format("_INBOX.rate{}", number++);
  natsSubscription* subscription = nullptr;
  check(natsConnection_Subscribe(
            &subscription, connection, rate.inbox.c_str(),
            [](natsConnection* on, natsSubscription*, natsMsg* message, void* closure) {
              auto& one = *static_cast<RawRate*>(closure);
              natsMsg_Destroy(message);
              ++one.answers;
              if (one.goes_on) {
                check(natsConnection_PublishRequest(on, "bench.raw", one.inbox.c_str(), one.payload.data(),
                                                    static_cast<int>(one.payload.size())),
                      "request");
              }
            },
            &rate),
        "subscribe");
  const auto begin = Clock::now();
  for (int first = 0; first < kMany; ++first) {
    check(natsConnection_PublishRequest(connection, "bench.raw", rate.inbox.c_str(), rate.payload.data(),
                                        static_cast<int>(rate.payload.size())),
          "request");
  }
  std::this_thread::sleep_until(begin + time);
  const auto answers = rate.answers.load();
  const auto seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  rate.goes_on = false;
  for (long last = -1; last != rate.answers;) {
    last = rate.answers;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  natsSubscription_Destroy(subscription);
  return static_cast<double>(answers) / seconds;
}

double raw_bulk(natsConnection* connection, Clock::duration time) {
  const std::string payload(kBig, 'z');
  const auto begin = Clock::now();
  double bytes = 0;
  while (Clock::now() - begin < time) {
    // As far ahead as our own calls are.
    for (int ahead = 0; ahead < 3; ++ahead) {
      check(natsConnection_Publish(connection, "bench.bulk", payload.data(), static_cast<int>(payload.size())),
            "publish");
    }
    natsMsg* answer = nullptr;
    check(natsConnection_Request(&answer, connection, "bench.bulk", payload.data(), static_cast<int>(payload.size()),
                                 5000),
          "request");
    natsMsg_Destroy(answer);
    bytes += 4.0 * static_cast<double>(kBig);
  }
  return bytes / std::chrono::duration<double>(Clock::now() - begin).count();
}

/// For who watches the host that is called.
[[noreturn]] void load(const std::string& lattice, const std::string& id, const std::string& url, std::size_t calls) {
  Side side(url, lattice);
  wrpc::RemoteTarget target(*side.endpoint, id);
  Calls small(side, target, "weft:values/echo", "echo-list-u8", kSmall);
  const auto begin = Clock::now();
  std::size_t answered = 0;
  while (answered < calls) {
    answered += small.run(kMany, std::chrono::milliseconds(500)).count;
  }
  fmt::print("{{\"calls\": {}, \"seconds\": {:.1f}}}\n", answered,
             std::chrono::duration<double>(Clock::now() - begin).count());
  std::fflush(stdout);
  std::_Exit(0);
}

/// Another process that serves, from here on; killed with this one.
pid_t fork_server(const std::function<void(int ready)>& server) {
  int ready[2];
  if (::pipe(ready) != 0) {
    give_up("no pipe");
  }
  const auto child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    server(ready[1]);
  }
  char byte = 0;
  if (::read(ready[0], &byte, 1) != 1) {
    give_up("the server did not start");
  }
  return child;
}

Clock::duration seconds_of(const char* word) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(word)));
}

/// What a daemon's own use of NATS is measured against.
[[noreturn]] void measure_raw(const std::string& url, Clock::duration time, std::size_t bytes) {
  const auto child = fork_server([&url](int ready) {
    auto* const raw = connect_raw(url);
    serve_raw(raw);
    check(natsConnection_Flush(raw), "flush");
    tell_ready_and_wait(ready);
  });
  fmt::print("{{\"rate\": {:.1f}}}\n", raw_rate(connect_raw(url), time, bytes));
  std::fflush(stdout);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  std::_Exit(0);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  if (count == 6 && std::string_view(words[1]) == "--load") {
    load(words[2], words[3], words[4], std::strtoul(words[5], nullptr, 10));
  }
  if (count == 5 && std::string_view(words[1]) == "--raw") {
    measure_raw(words[2], seconds_of(words[3]), std::strtoul(words[4], nullptr, 10));
  }
  if (count < 4) {
    fmt::print(stderr,
               "usage: remote_calls ECHO.wasm SINK.wasm NATS_URL [ROUNDS] [SECONDS] [ONLY]\n"
               "       remote_calls --load LATTICE ID NATS_URL CALLS\n"
               "       remote_calls --raw NATS_URL SECONDS BYTES\n");
    return 2;
  }
  const std::string url = words[3];
  const int rounds = count > 4 ? std::atoi(words[4]) : 5;
  const auto time = seconds_of(count > 5 ? words[5] : "0.5");
  const auto child = fork_server([&](int ready) { serve(words[1], words[2], url, ready); });
  auto* const raw = connect_raw(url);
  Side side(url);
  wrpc::RemoteTarget echo(*side.endpoint, "echo");
  wrpc::RemoteTarget sink(*side.endpoint, "sink");
  Calls small(side, echo, "weft:values/echo", "echo-list-u8", kSmall);
  Calls big(side, sink, "weft:relay/relay", "run", kBig);
  std::map<std::string, std::vector<double>> figures;
  const std::pair<std::string, std::function<double()>> measurements[] = {
      {"raw 1", [&] { return raw_latency(raw, time); }},
      {"weft 1", [&] { return small.run(1, time).median_us; }},
      {"raw 64", [&] { return raw_rate(raw, time, kSmall); }},
      {"weft 64", [&] { return small.run(kMany, time).per_second; }},
      {"raw MiB", [&] { return raw_bulk(raw, time); }},
      {"weft MiB", [&] { return big.run(4, time).per_second * static_cast<double>(kBig); }},
  };
  const std::string only = count > 6 ? words[6] : "";
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, measure] : measurements) {
      if (only.empty() || name == only) {
        figures[name].push_back(measure());
      }
    }
  }
  std::string text;
  for (const auto& [name, values] : figures) {
    text += fmt::format("{}\"{}\": {:.1f}", text.empty() ? "" : ", ", name, median(values));
  }
  fmt::print("{{{}}}\n", text);
  std::fflush(stdout);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  std::_Exit(0);
}
