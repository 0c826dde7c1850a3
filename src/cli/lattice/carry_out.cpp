// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/carry_out.hpp"

#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/option_value.hpp"
#include "cli/progress.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kWaitOptions = std::to_array<OptionSpec>({
    {.name = "wait", .value = "", .help = "until it is done; the default"},
    {.name = "no-wait", .value = "", .help = "only until it is accepted"},
    {.name = "timeout", .value = "TIME", .help = "for it to be done", .fallback = "60s", .letter = 't'},
});

enum class State : bool { accepted, done };

void tell(const Context& context, const Deed& deed, State state, const lattice::Outcome& outcome) {
  if (context.output == OutputFormat::json) {
    JsonObject object;
    object.text("kind", deed.kind).text("id", deed.id);
    if (!deed.host_id.empty()) object.text("host", deed.host_id);
    object.text("state", state == State::done ? "done" : "accepted");
    if (!outcome.accepted.operation.empty()) object.text("operation", outcome.accepted.operation);
    object.text("message", outcome.message.empty() ? outcome.accepted.message : outcome.message);
    context.console.out(object.str() + "\n");
    return;
  }
  const std::string where = deed.host_id.empty() ? "" : fmt::format(" on {}", deed.host_id);
  std::string text =
      fmt::format("{} {} {}{}", deed.kind, printable(deed.id), state == State::done ? deed.done : "accepted", where);
  if (state == State::accepted && !outcome.accepted.operation.empty()) {
    text += fmt::format(", operation {}", printable(outcome.accepted.operation));
  }
  context.console.out(text + "\n");
}

/// A host that scales a component under another reference accepts with a warning.
void warn(const Context& context, const lattice::Accepted& accepted) {
  if (context.output == OutputFormat::json || !accepted.message.starts_with("Requested to scale")) return;
  context.console.err(fmt::format("note: {}\n", printable(accepted.message)));
}

}  // namespace

std::span<const OptionSpec> wait_options() noexcept { return kWaitOptions; }

Result<int> carry_out(Connection& connection, const Arguments& arguments, const Context& context, const Deed& deed,
                      const lattice::OutcomeWaiter::Send& send, lattice::ExpectedEvents expected) {
  std::chrono::milliseconds timeout{60'000};
  WEFT_CHECK(read_duration(arguments, "timeout", timeout));
  if (arguments.flag("no-wait")) {
    if (arguments.flag("wait")) {
      return Error(Errc::invalid_argument, "'--wait' and '--no-wait' exclude each other.", "Give one of them.",
                   Blame::operator_);
    }
    WEFT_TRY(auto accepted, connection.wait(send()));
    warn(context, accepted);
    tell(context, deed, State::accepted, {.accepted = std::move(accepted), .message = {}});
    return kExitSuccess;
  }
  Progress progress(context, fmt::format("waiting for {} {} ...", deed.kind, printable(deed.id)));
  lattice::OutcomeWaiter waiter(connection.client(), connection.shard());
  auto outcome = connection.wait(waiter.run(send, std::move(expected), timeout));
  progress.finish();
  if (!outcome) return std::move(outcome).error().in(fmt::format("{} {}", deed.kind, deed.id));
  warn(context, outcome->accepted);
  tell(context, deed, State::done, *outcome);
  return kExitSuccess;
}

Result<int> carry_out_at_once(Connection& connection, const Context& context, const Deed& deed,
                              async::Task<lattice::Accepted> command) {
  WEFT_TRY(auto accepted, connection.wait(std::move(command)));
  tell(context, deed, State::done, {.accepted = std::move(accepted), .message = {}});
  return kExitSuccess;
}

}  // namespace weft::cli
