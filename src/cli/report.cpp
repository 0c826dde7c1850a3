// SPDX-License-Identifier: Apache-2.0
#include "cli/report.hpp"

#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

/// Line by line, so that what a guest had a hand in cannot control the terminal.
std::string indented(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    result += fmt::format("  {}\n", printable(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return result;
}

/// What helps against this kind of failure in general, for an error that brings no hint of its own.
std::string_view general_hint(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "Correct the command line; 'weft help' explains it.";
    case Errc::not_found:
    case Errc::already_exists:
      return "Check the name.";
    case Errc::permission_denied:
    case Errc::io:
      return "Check that it is there and that weft may use it.";
    case Errc::not_granted:
      return "Grant it, or use a component that does without.";
    case Errc::malformed:
    case Errc::unsupported:
    case Errc::type_mismatch:
      return "See what the file is with 'weft inspect'.";
    case Errc::resource_exhausted:
      return "Raise the limit, or ask for less.";
    case Errc::deadline_exceeded:
      return "Raise '--timeout', or ask for less.";
    case Errc::trap:
    case Errc::guest_exit:
      return "Look for the mistake in the component; built with debug information, its backtrace names lines.";
    case Errc::cancelled:
    case Errc::unavailable:
    case Errc::conflict:
      return "Try again.";
    case Errc::refused:
      return "Change what the answer complains of.";
    case Errc::internal:
      break;
  }
  return "Report this with the command that was run.";
}

std::string_view hint_of(const Error& error) {
  return error.hint().empty() ? general_hint(error.code()) : std::string_view(error.hint());
}

}  // namespace

std::string error_text(const Error& error, bool colours) {
  const std::string_view red = colours ? "\x1b[1;31m" : "";
  const std::string_view cyan = colours ? "\x1b[36m" : "";
  const std::string_view plain = colours ? "\x1b[0m" : "";
  std::string text = fmt::format("{}error:{} {}\n", red, plain, printable(error.message()));
  text += fmt::format("  {}fix:{} {}\n", cyan, plain, printable(hint_of(error)));
  text += indented(error.detail());
  return text;
}

std::string error_json(const Error& error) {
  JsonObject body;
  body.text("code", to_string(error.code())).text("message", error.message()).text("hint", hint_of(error));
  if (!error.context().empty()) body.texts("context", error.context());
  if (!error.detail().empty()) body.text("detail", error.detail());
  body.number("exit_code", static_cast<std::uint64_t>(exit_code(error.code())));
  return JsonObject().raw("error", body.str()).str() + "\n";
}

int report(const Error& error, const Context& context) {
  context.console.err(context.output == OutputFormat::json ? error_json(error) : error_text(error, context.colours()));
  return exit_code(error.code());
}

}  // namespace weft::cli
