// SPDX-License-Identifier: Apache-2.0
/// `weft spy`: the calls of a host, or of all hosts of a lattice, as they end.
#include "wire/spy.hpp"
#include "async/task_scope.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/spied_text.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"
#include "cli/parse_number.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace weft::cli {
namespace {

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "COMPONENT",
                                    .help = "the id of a component or provider: only calls by it or to it",
                                    .need = Need::optional}});

constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "interface", .value = "TEXT", .help = "only interfaces that have this in their name"},
    {.name = "function", .value = "TEXT", .help = "only functions that have this in their name"},
    {.name = "value-size",
     .value = "SIZE",
     .help = "of the text of a call's parameters or results, at most",
     .fallback = "1KiB"},
    {.name = "count", .value = "N", .help = "end after so many", .fallback = "no end"},
    {.name = "all-hosts", .value = "", .help = "of every host of the lattice that allows it"},
});

struct Watched {
  std::string id;
  std::string name;
  bool by_socket = false;  ///< it is the daemon whose socket this is
};

Error host_gone() {
  return {Errc::unavailable, "The host has gone.", "Try again when it is back.", Blame::environment};
}

/// Prints the calls of some hosts until they are enough; then each host is told so, and has told its last.
class Watcher {
 public:
  static constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

  Watcher(Connection& connection, const Context& context, wire::SpyQuestion wanted, std::uint64_t count)
      : connection_(connection),
        context_(context),
        wanted_(std::move(wanted)),
        left_(count),
        scope_(connection.shard()),
        over_(connection.shard().io(), boost::asio::steady_timer::time_point::max()) {}

  async::Task<void> run(std::vector<Watched> hosts) {
    names_hosts_ = hosts.size() > 1;
    running_ = hosts.size();
    for (auto& host : hosts) {
      auto name = "calls of " + host.id;
      scope_.spawn(std::move(name), follow(std::move(host)));
    }
    if (running_ != 0) co_await over_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_await scope_.close();
    if (is_enough() || !failure_) co_return Result<void>();
    co_return *std::move(failure_);
  }

 private:
  [[nodiscard]] bool is_enough() const { return left_ == 0 || context_.console.out_failed(); }

  async::Task<void> follow(Watched host) {
    auto followed = co_await follow_to_the_end(host);
    if (!followed && followed.error().code() != Errc::cancelled) {
      // Of several hosts one may refuse, and the others go on.
      if (names_hosts_) {
        const auto& hint = followed.error().hint();
        context_.console.err(
            printable(fmt::format("{}: {}{}{}", host.name, followed.error().message(), hint.empty() ? "" : " ", hint)) +
            "\n");
      }
      failure_ = std::move(followed).error();
    }
    if (--running_ == 0) over_.cancel();
    co_return Result<void>();
  }

  async::Task<void> follow_to_the_end(Watched host) {
    WEFT_CO_TRY(auto session, co_await begin(host));
    context_.console.err(fmt::format("watching the calls of {}\n", printable(host.name)));
    wire::SpyQuestion next;
    next.session = std::move(session);
    next.wait = kWait;
    std::uint64_t after = 0;
    std::uint64_t dropped = 0;
    while (!is_enough()) {
      next.after = after;
      auto answer = co_await ask(host, next);
      if (!answer && answer.error().code() == Errc::unsupported) co_return host_gone();
      WEFT_CO_CHECK(answer);
      for (const auto& call : answer->calls) {
        after = call.number;
        print(host, call);
      }
      if (answer->dropped > dropped) {
        context_.console.err(fmt::format("{} more calls of {} came too fast to be shown\n", answer->dropped - dropped,
                                         printable(host.name)));
        dropped = answer->dropped;
      }
    }
    // What the host does not hear it finds out by itself.
    next.end = true;
    (void)co_await ask(host, std::move(next));
    co_return Result<void>();
  }

  async::Task<std::string> begin(Watched host) {
    WEFT_CO_TRY(auto answer, co_await ask(host, wanted_));
    co_return std::move(answer.session);
  }

  async::Task<wire::SpyAnswer> ask(Watched host, wire::SpyQuestion question) {
    const auto timeout = connection_.target().answer_timeout + question.wait;
    auto text = wire::encode(question);
    auto& client = connection_.client();
    auto answer = host.by_socket ? co_await client.ask_daemon("spy", std::move(text), timeout)
                                 : co_await client.ask(host.id, "spy", std::move(text), timeout);
    WEFT_CO_CHECK(answer);
    co_return wire::decode_spy_answer(*answer);
  }

  void print(const Watched& host, const wire::SpiedCall& call) {
    if (left_ == 0) return;
    if (left_ != kEndless) --left_;
    if (context_.output == OutputFormat::json) {
      context_.console.out(JsonObject().text("host", host.id).raw("call", wire::encode(call)).str() + "\n");
    } else {
      context_.console.out(
          printable(fmt::format("{}{}", names_hosts_ ? host.name + ": " : std::string(), spied_text(call))) + "\n");
    }
  }

  static constexpr std::chrono::milliseconds kWait{1'000};

  Connection& connection_;
  const Context& context_;
  wire::SpyQuestion wanted_;
  std::uint64_t left_;
  bool names_hosts_ = false;
  std::size_t running_ = 0;
  std::optional<Error> failure_;  ///< the last
  async::TaskScope scope_;
  boost::asio::steady_timer over_;  ///< cancelled when no host is watched any more
};

Result<std::vector<Watched>> choose_hosts(Connection& connection, bool all) {
  const auto& target = connection.target();
  const bool has_socket = !target.nats;
  const auto is_daemon = [&](const std::string& id) { return has_socket && (target.alone || id == target.daemon); };
  std::vector<Watched> chosen;
  if (all) {
    WEFT_TRY(const auto hosts, connection.hosts());
    for (const auto& host : hosts) {
      chosen.push_back({.id = host.id, .name = host.friendly_name, .by_socket = is_daemon(host.id)});
    }
    return chosen;
  }
  WEFT_TRY(auto id, connection.host_id());
  const bool by_socket = is_daemon(id) || (has_socket && !connection.names_host());
  chosen.push_back({.id = id, .name = std::move(id), .by_socket = by_socket});
  return chosen;
}

Result<int> run(const Arguments& arguments, Context& context) {
  std::uint64_t count = Watcher::kEndless;
  if (const auto text = arguments.value("count")) {
    const auto number = parse_whole(*text, 1'000'000'000);
    if (!number || *number == 0) {
      return Error(Errc::invalid_argument, fmt::format("'--count': '{}' is no number of calls.", *text),
                   "Write a whole number above 0.", Blame::operator_);
    }
    count = *number;
  }
  std::uint64_t value_size = 1024;
  WEFT_CHECK(read_size(arguments, "value-size", value_size));
  if (value_size > wire::kMaxSpyText) {
    return Error(Errc::invalid_argument, "'--value-size' is more than a host gives of a value.",
                 fmt::format("Use at most {}KiB.", wire::kMaxSpyText / 1024), Blame::operator_);
  }
  if (arguments.flag("all-hosts") && arguments.flag("host")) {
    return Error(Errc::invalid_argument, "'--host' and '--all-hosts' exclude each other.", "Give one of them.",
                 Blame::operator_);
  }
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(auto hosts, choose_hosts(*connection, arguments.flag("all-hosts")));
  wire::SpyQuestion wanted;
  wanted.component = arguments.positional("COMPONENT");
  wanted.interface = arguments.value("interface").value_or("");
  wanted.function = arguments.value("function").value_or("");
  wanted.text_bytes = static_cast<std::size_t>(value_size);
  Watcher watcher(*connection, context, std::move(wanted), count);
  WEFT_CHECK(connection->wait(watcher.run(std::move(hosts))));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& spy_command() noexcept {
  static const CommandSpec spec{
      .name = "spy",
      .summary = "watch calls as they happen, with their values",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Shown", kOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes =
          "Values are decoded by the types of the component that is called, or that calls; b\"...\" are bytes whose\n"
          "types the host does not know. A call is shown when it has ended. The daemon of this machine shows its "
          "calls\n"
          "to its own user; a host shows them in its lattice if it was started with '--allow-spy'. Ctrl-C ends it.",
      .examples =
          "weft spy\n"
          "weft spy shop-cart --function add --count 1\n"
          "weft spy --all-hosts --interface keyvalue --output json",
      .run = run};
  return spec;
}

}  // namespace weft::cli
