// SPDX-License-Identifier: Apache-2.0
/// `weft logs`: the last log lines of a host, and those that come.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice_options.hpp"
#include "cli/parse_number.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <array>
#include <thread>

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{500};

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "HOST", .help = "the host; without it the local daemon, or the only one", .need = Need::optional}});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "component", .value = "COMPONENT", .help = "lines of this component only", .letter = 'c'},
    {.name = "follow", .value = "", .help = "go on with the lines that come", .letter = 'f'},
    {.name = "lines", .value = "N", .help = "the last ones, to begin with", .fallback = "100"},
});

void print_line(const Context& context, const boost::json::value& line) {
  if (context.output == OutputFormat::json) {
    context.console.out(boost::json::serialize(line) + "\n");
    return;
  }
  const auto component = text_at(line, "component");
  context.console.out(fmt::format("{} {} {}{}\n", printable(text_at(line, "time")), printable(text_at(line, "level")),
                                  component.empty() ? "" : fmt::format("[{}] ", printable(component)),
                                  printable(text_at(line, "message"))));
}

/// Prints the lines after number `last`, at most `limit` of them; the number of the last one.
Result<std::int64_t> print_after(std::int64_t last, std::size_t limit, std::string_view answer,
                                 const Context& context) {
  WEFT_TRY(const auto value, parse_json(answer, "The host's log"));
  auto lines = elements(value);
  std::erase_if(lines, [last](const auto& line) { return number_at(line, "number") <= last; });
  for (std::size_t i = lines.size() > limit ? lines.size() - limit : 0; i < lines.size(); ++i) {
    print_line(context, lines[i]);
  }
  return lines.empty() ? last : number_at(lines.back(), "number");
}

Result<int> run(const Arguments& arguments, Context& context) {
  const auto lines = parse_whole(arguments.value("lines").value_or("100"), 1'000'000);
  if (!lines) {
    return Error(Errc::invalid_argument, "'--lines' is not a number.", "Write a whole number.", Blame::operator_);
  }
  const auto component = arguments.value("component").value_or("");
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto host_id, connection->host_id(arguments.positional("HOST")));
  std::size_t limit = *lines;
  std::int64_t last = 0;
  while (true) {
    WEFT_TRY(const auto answer, connection->wait(connection->client().logs(host_id, component)));
    WEFT_TRY(last, print_after(last, limit, answer, context));
    if (!arguments.flag("follow") || context.console.out_failed()) return kExitSuccess;
    limit = SIZE_MAX;
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

const CommandSpec& logs_command() noexcept {
  static const CommandSpec spec{
      .name = "logs",
      .summary = "show the last log lines of a host or of a component",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Shown", kOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "A host keeps its last lines only. Ctrl-C ends '--follow'.",
      .examples = "weft logs --lines 20\nweft logs --component shop-cart --follow",
      .run = run};
  return spec;
}

}  // namespace weft::cli
