// SPDX-License-Identifier: Apache-2.0
/// `weft config show`: what `weft up` would go by, and where each setting is from.
#include "bus/nats_options.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/queries.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kOptions = std::to_array<OptionSpec>(
    {{.name = "effective", .value = "", .help = "every setting, the defaults too; without it, only what was set"}});

struct Row {
  std::string_view name;
  std::string value;
  std::string origin;
};

std::string origin_text(const Setting& found, const OptionSpec& option) {
  switch (found.origin) {
    case Origin::flag:
      return "flag";
    case Origin::environment:
      return fmt::format("environment {}", option.environment);
    case Origin::fallback:
      break;
  }
  return "default";
}

/// What is printed ends in reports of faults: no keys, no passwords.
std::string without_secrets(const OptionSpec& option, std::string value) {
  const bool is_secret = option.name == "host-seed" || option.name == "oci-password";
  if (is_secret && !value.empty()) return "(hidden)";
  if (option.name != "nats") return value;
  std::string urls;
  for (const auto& url : nats_urls(value)) {
    urls += fmt::format("{}{}", urls.empty() ? "" : ",", bus::without_credentials(url));
  }
  return urls;
}

Result<std::vector<Row>> rows(const Arguments& arguments, const Context& context) {
  std::vector<Row> all;
  for (const OptionGroup& group : up_command().groups) {
    for (const OptionSpec& option : group.options) {
      const auto found = setting(arguments, context, option);
      if (found.origin == Origin::fallback && !arguments.flag("effective")) continue;
      Row row{option.name, found.value, origin_text(found, option)};
      if (found.origin != Origin::fallback) row.value = without_secrets(option, std::move(row.value));
      if (option.name == "data-dir") {
        WEFT_TRY(row.value, data_dir(arguments, context));
      }
      all.push_back(std::move(row));
    }
  }
  return all;
}

std::string row_json(const Row& row) {
  return JsonObject().text("name", row.name).text("value", row.value).text("origin", row.origin).str();
}

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_CHECK(nats_config(arguments, context));
  WEFT_TRY(const auto all, rows(arguments, context));
  if (context.output == OutputFormat::json) return print_json(context, "settings", json_array(all, row_json));
  Table table{"SETTING", "VALUE", "FROM"};
  for (const Row& row : all) table.add({std::string(row.name), row.value, row.origin});
  context.console.out(table.text("nothing is set; all defaults: weft config show --effective"));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& config_show_command() noexcept {
  static const CommandSpec spec = [] {
    const auto& daemon = up_command().groups;
    return CommandSpec{.name = "config show",
                       .summary = "show the settings of 'weft up', and where each is from",
                       .positionals = {},
                       .groups = {OptionGroup{"Shown", kOptions}, daemon[0], daemon[1], daemon[2]},
                       .notes = "It takes the options of 'weft up'. Keys and passwords are not shown.",
                       .examples = "weft config show --effective\nweft config show --effective --lattice shop",
                       .run = run};
  }();
  return spec;
}

}  // namespace weft::cli
