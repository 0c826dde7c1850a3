// SPDX-License-Identifier: Apache-2.0
#include "host/questions.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "guest/export_name.hpp"
#include "guest/shard_invocation.hpp"
#include "host/process_figures.hpp"
#include "host/question_body.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// What a client may make an answer wait.
constexpr auto kLongestWait = 30s;
/// Of a message, for what stands around an answer.
constexpr std::size_t kEnvelopeBytes = 1024;
constexpr const char* kCaller = "weft-cli";

std::string_view to_text(bus::BusState state) {
  switch (state) {
    case bus::BusState::connected:
      return "connected";
    case bus::BusState::disconnected:
      return "disconnected";
    case bus::BusState::closed:
      return "closed";
  }
  return "closed";
}

double millis(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

json::object to_json(const guest::InterfaceStats& stats) {
  return {{"interface", stats.interface},
          {"calls", stats.calls},
          {"errors", stats.errors},
          {"mean_ms", stats.calls == 0 ? 0 : millis(stats.time) / static_cast<double>(stats.calls)},
          {"p50_ms", millis(dispatch::latency_quantile(stats.latency, 0.5))},
          {"p90_ms", millis(dispatch::latency_quantile(stats.latency, 0.9))},
          {"p99_ms", millis(dispatch::latency_quantile(stats.latency, 0.99))}};
}

json::object to_json(const guest::ComponentTarget& target) {
  const auto stats = target.stats();
  json::array interfaces;
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  for (const auto& one : stats.interfaces) {
    calls += one.calls;
    errors += one.errors;
    if (one.calls != 0) {
      interfaces.push_back(to_json(one));
    }
  }
  return {{"id", target.id()},      {"running", stats.running},
          {"queued", stats.queued}, {"max", stats.max_instances},
          {"shed", stats.shed},     {"calls", calls},
          {"errors", errors},       {"interfaces", std::move(interfaces)}};
}

std::string_view to_text(ProviderProcess::Health health) {
  switch (health) {
    case ProviderProcess::Health::unknown:
      return "unknown";
    case ProviderProcess::Health::healthy:
      return "healthy";
    case ProviderProcess::Health::unhealthy:
      return "unhealthy";
  }
  return "unknown";
}

json::object to_json(const ProviderFigures& provider) {
  json::object object{{"id", provider.id}, {"image_ref", provider.image_ref}, {"restarts", provider.restarts}};
  if (const auto& process = provider.process) {
    object.emplace("pid", process->pid);
    object.emplace("instance_id", process->instance_id);
    object.emplace("health", to_text(process->health));
    object.emplace("message", process->message);
  }
  return object;
}

/// A function of a component, with its parameters encoded.
struct Prepared {
  std::shared_ptr<engine::Function> function;
  guest::ShardInvocation::Request request;
};

Result<Prepared> prepare(const guest::LoadedComponent& component, const CallQuestion& question) {
  WEFT_TRY(const auto name, guest::resolve_export(question.function, component.info().exports));
  WEFT_TRY(auto function, component.deployment().find(name));
  WEFT_TRY(auto params, function.encode(question.arguments, question.format));
  const auto hash = name.rfind('#');
  const bool has_interface = hash != std::string::npos;
  return Prepared{.function = std::make_shared<engine::Function>(std::move(function)),
                  .request = {.interface = has_interface ? name.substr(0, hash) : std::string(),
                              .function = has_interface ? name.substr(hash + 1) : name,
                              .params = std::move(params),
                              .source = kCaller}};
}

/// The answer of a call. Of a function without a result there is no "result".
Result<std::string> to_json(const guest::ShardInvocation::Answer& answer, const engine::Function& function,
                            ValueFormat format) {
  auto text = function.decode(answer.results, format);
  if (!text && answer.results.empty()) {
    return Error(Errc::guest_exit, "the guest exited instead of returning", {}, Blame::guest);
  }
  WEFT_CHECK(text);
  const json::object stats{{"elapsed_ms", millis(answer.elapsed)},
                           {"cpu_ms", millis(answer.stats.cpu_time)},
                           {"peak_memory_bytes", answer.stats.peak_memory_bytes},
                           {"host_calls", answer.stats.host_calls}};
  // A document of JSON stands in the answer as it is.
  const auto result = format == ValueFormat::json ? *text : json::serialize(json::string(*text));
  return fmt::format("{{{}\"stats\":{}}}", text->empty() ? std::string() : fmt::format("\"result\":{},", result),
                     json::serialize(stats));
}

}  // namespace

struct Questions::Entry {
  std::string_view question;
  async::Task<std::string> (Questions::*answer)(std::string body);
};

const Questions::Entry Questions::kTable[] = {
    {"status", &Questions::status},
    {"components", &Questions::components},
    {"component-config", &Questions::component_config},
    {"providers", &Questions::providers},
    {"configs", &Questions::configs},
    {"call", &Questions::call},
    {"logs", &Questions::logs},
    {"metrics", &Questions::metrics},
    {"tree", &Questions::tree},
    {"ops", &Questions::operations},
    {"ops-wait", &Questions::wait_for_operation},
    {"spy", &Questions::spy},
};

async::Task<std::string> Questions::ask(std::string question, std::string body) {
  const auto* const entry = std::ranges::find(kTable, question, &Entry::question);
  if (entry == std::end(kTable)) {
    co_return Error(Errc::not_found, fmt::format("this host knows no question '{}'", question), {}, Blame::peer);
  }
  if (body.size() > kMaxQuestionBytes) {
    co_return Error(Errc::malformed,
                    fmt::format("the question has {} bytes, more than {}", body.size(), kMaxQuestionBytes), {},
                    Blame::peer);
  }
  WEFT_CO_TRY(auto answer, co_await (this->*entry->answer)(std::move(body)));
  if (answer.size() > max_answer()) {
    co_return Error(Errc::resource_exhausted, fmt::format("the answer to '{}' has {} bytes, and a message may have {}",
                                                          question, answer.size(), max_answer()));
  }
  co_return answer;
}

async::Task<std::string> Questions::ask_locally(std::string question, std::string body) {
  if (question != "spy") {
    co_return Error(Errc::not_found, fmt::format("this host knows no question '{}' for its socket", question), {},
                    Blame::peer);
  }
  co_return co_await node_.spies.ask(std::move(body), SpySessions::Door::socket, max_answer());
}

std::size_t Questions::max_answer() const {
  const auto most = node_.bus.info().max_payload;
  return most - std::min(most, kEnvelopeBytes);
}

async::Task<std::string> Questions::status(std::string /*body*/) {
  const auto& identity = node_.identity;
  const auto bus = node_.bus.info();
  json::object labels;
  for (const auto& [key, value] : identity.labels()) {
    labels[key] = value;
  }
  co_return json::serialize(json::object{
      {"id", identity.id()},
      {"name", identity.friendly_name()},
      {"lattice", node_.config.lattice},
      {"version", weft_version()},
      {"uptime_seconds", identity.uptime_seconds()},
      {"labels", std::move(labels)},
      {"bus", json::object{{"url", bus.url}, {"state", to_text(node_.bus.state())}, {"dropped", node_.bus.dropped()}}},
      {"data_dir", node_.config.data_dir},
      {"components", node_.components.inventory().size()},
      {"providers", node_.providers.inventory().size()},
      {"links", node_.store.links().size()},
      {"pid", ::getpid()},
      {"memory_bytes", process_figures().memory_bytes},
      {"pooling", node_.engine.is_pooling()},
      {"shards", node_.shards.size()},
      {"ready", is_ready(node_)},
      {"spies", node_.spies.size()},
      {"metrics", node_.pages.address_of(node_.config.metrics_listen)},
      {"admin", node_.pages.address_of(node_.config.admin_listen)}});
}

async::Task<std::string> Questions::components(std::string /*body*/) {
  json::array list;
  for (const auto& target : node_.components.targets()) {
    list.push_back(to_json(*target));
  }
  co_return json::serialize(list);
}

async::Task<std::string> Questions::component_config(std::string body) {
  WEFT_CO_TRY(const auto names, node_.components.config_of(body));
  co_return json::serialize(json::value_from(names));
}

async::Task<std::string> Questions::providers(std::string /*body*/) {
  json::array list;
  for (const auto& provider : node_.providers.figures()) {
    list.push_back(to_json(provider));
  }
  co_return json::serialize(list);
}

async::Task<std::string> Questions::configs(std::string /*body*/) {
  co_return json::serialize(json::value_from(node_.store.config_names()));
}

/// What runs here; else, where the question says what its code is, whoever runs it in the lattice.
async::Task<Questions::Callee> Questions::find_callee(CallQuestion question) {
  if (const auto target = node_.components.find(question.component)) {
    // The target keeps its code.
    co_return Callee{.target = node_.router.watched(node_.components.entrance(question.component)),
                     .code = {target, &target->component()}};
  }
  auto target = question.reference.empty() ? nullptr : node_.router.elsewhere(question.component);
  if (!target) {
    co_return Error(Errc::not_found, fmt::format("component \"{}\" does not run on this host", question.component),
                    "see what runs with: weft get components", Blame::operator_);
  }
  WEFT_CO_TRY(auto code, co_await node_.components.load_code(question.component, question.reference));
  co_return Callee{.target = std::move(target),
                   .code = std::move(code),
                   .deadline = std::chrono::steady_clock::now() + node_.config.max_execution_time};
}

async::Task<std::string> Questions::call(std::string body) {
  WEFT_CO_TRY(const auto question, decode_call_question(body));
  WEFT_CO_TRY(const auto callee, co_await find_callee(question));
  const auto arrange = [callee, question] { return prepare(*callee.code, question); };
  WEFT_CO_TRY(auto prepared, co_await node_.pool.run(arrange));
  prepared.request.deadline = callee.deadline;
  auto& shard = node_.shards.at(next_shard_++ % node_.shards.size());
  const auto invocation = std::make_shared<guest::ShardInvocation>(shard, callee.target, std::move(prepared.request));
  auto answer = co_await async::wait_for_completion<guest::ShardInvocation::Answer>(
      [&invocation](async::Completion<guest::ShardInvocation::Answer> done) { invocation->begin(std::move(done)); });
  if (!answer && answer.error().code() == Errc::cancelled) {
    invocation->cancel();
  }
  WEFT_CO_CHECK(answer);
  // The code last: the function is of it.
  const auto tell = [callee, function = std::move(prepared.function), answer = *std::move(answer),
                     format = question.format] { return to_json(answer, *function, format); };
  co_return co_await node_.pool.run(tell);
}

async::Task<std::string> Questions::logs(std::string body) {
  WEFT_CO_TRY(const auto question, decode_logs_question(body));
  const auto limit = std::min<std::uint64_t>(question.limit, LogRing::kMaxLines);
  auto lines = node_.logs.lines(question.after, static_cast<std::size_t>(limit), question.component);
  auto answer = encode(lines);
  // The youngest that a message can carry.
  while (answer.size() > max_answer() && !lines.empty()) {
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>((lines.size() + 1) / 2));
    answer = encode(lines);
  }
  co_return answer;
}

async::Task<std::string> Questions::metrics(std::string /*body*/) {
  co_return json::serialize(json::string(render(metrics_of(node_))));
}

async::Task<std::string> Questions::tree(std::string /*body*/) {
  co_return supervision::to_json(node_.tree.snapshot());
}

async::Task<std::string> Questions::operations(std::string /*body*/) {
  co_return lattice::encode(node_.operations.list(lattice::Operations::kKept));
}

async::Task<std::string> Questions::wait_for_operation(std::string body) {
  WEFT_CO_TRY(const auto wanted, lattice::decode_operation(body));
  WEFT_CO_TRY(const auto operation, co_await node_.operations.wait(wanted.id, kLongestWait));
  co_return lattice::encode(operation);
}

async::Task<std::string> Questions::spy(std::string body) {
  if (!node_.config.allow_spy) {
    co_return Error(Errc::permission_denied, "this host does not let its calls be watched from elsewhere",
                    "start it with --allow-spy, or watch on its own machine, by its socket", Blame::operator_);
  }
  co_return co_await node_.spies.ask(std::move(body), SpySessions::Door::lattice, max_answer());
}

}  // namespace weft::host
