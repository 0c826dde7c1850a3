// SPDX-License-Identifier: Apache-2.0
/// `weft events`: what happens in the lattice, as it happens.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice_options.hpp"
#include "cli/parse_number.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace weft::cli {
namespace {

constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "count", .value = "N", .help = "end after so many", .fallback = "no end"},
    {.name = "name", .value = "NAME", .help = "only events of this name", .repeat = Repeat::many},
});

/// Prints what comes until it is enough.
class Follower {
 public:
  static constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

  Follower(Connection& connection, const Context& context, std::vector<std::string> names, std::uint64_t count)
      : connection_(connection), context_(context), names_(std::move(names)), left_(count) {}

  async::Task<void> run() {
    boost::asio::steady_timer timer(connection_.shard().io(), boost::asio::steady_timer::time_point::max());
    WEFT_CO_TRY(const auto events, connection_.client().on_event([this, &timer](const wire::Event& event) {
      take(event);
      if (left_ == 0) timer.cancel();
    }));
    const auto lost = connection_.client().on_lost([this, &timer] {
      lost_ = true;
      timer.cancel();
    });
    WEFT_CO_CHECK(co_await connection_.client().flush());
    if (left_ > 0 && !lost_) co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (left_ == 0) co_return Result<void>();
    co_return Error(Errc::unavailable, "The connection was lost.",
                    "Try again when the host or its NATS server is back.", Blame::environment);
  }

 private:
  void take(const wire::Event& event) {
    if (left_ == 0 || (!names_.empty() && std::ranges::find(names_, event.name) == names_.end())) return;
    if (left_ != kEndless) --left_;
    if (context_.output == OutputFormat::json) {
      context_.console.out(wire::encode(event) + "\n");
      return;
    }
    context_.console.out(fmt::format("{} {} {} {}\n", printable(event.time), printable(event.source.substr(0, 8)),
                                     printable(event.name), printable(event.data)));
  }

  Connection& connection_;
  const Context& context_;
  std::vector<std::string> names_;
  std::uint64_t left_;
  bool lost_ = false;
};

Result<int> run(const Arguments& arguments, Context& context) {
  std::uint64_t count = Follower::kEndless;
  if (const auto text = arguments.value("count")) {
    const auto number = parse_whole(*text, 1'000'000'000);
    if (!number || *number == 0) {
      return Error(Errc::invalid_argument, fmt::format("'--count': '{}' is no number of events.", *text),
                   "Write a whole number above 0.", Blame::operator_);
    }
    count = *number;
  }
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  Follower follower(*connection, context, arguments.values("name"), count);
  WEFT_CHECK(connection->wait(follower.run()));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& events_command() noexcept {
  static const CommandSpec spec{
      .name = "events",
      .summary = "follow what happens in the lattice",
      .positionals = {},
      .groups = {OptionGroup{"Shown", kOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "Ctrl-C ends it. With '--output json' each line is one CloudEvent.",
      .examples = "weft events\nweft events --name component_scaled --count 1",
      .run = run};
  return spec;
}

}  // namespace weft::cli
