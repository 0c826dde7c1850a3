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

}  // namespace

std::string error_text(const Error& error, bool colours) {
  const std::string_view red = colours ? "\x1b[1;31m" : "";
  const std::string_view cyan = colours ? "\x1b[36m" : "";
  const std::string_view plain = colours ? "\x1b[0m" : "";
  std::string text = fmt::format("{}error:{} {}\n", red, plain, printable(error.message()));
  if (!error.hint().empty()) text += fmt::format("  {}fix:{} {}\n", cyan, plain, printable(error.hint()));
  text += indented(error.detail());
  return text;
}

std::string error_json(const Error& error) {
  JsonObject body;
  body.text("code", to_string(error.code())).text("message", error.message());
  if (!error.hint().empty()) body.text("hint", error.hint());
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
