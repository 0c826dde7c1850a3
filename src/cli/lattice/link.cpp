// SPDX-License-Identifier: Apache-2.0
/// `weft link put`, `weft link del` and `weft link get`.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/queries.hpp"
#include "cli/lattice_options.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr OptionSpec kName{
    .name = "name", .value = "NAME", .help = "of the link", .fallback = "default", .letter = 'n'};
constexpr std::array kPut = std::to_array<PositionalSpec>({
    {.name = "SOURCE", .help = "the component or provider that imports"},
    {.name = "TARGET", .help = "the one that exports"},
    {.name = "WITNS", .help = "namespace of the interfaces: wasi"},
    {.name = "WITPKG", .help = "their package, without a version: keyvalue"},
});
constexpr std::array kDel = std::to_array<PositionalSpec>({
    {.name = "SOURCE", .help = "the component or provider that imports"},
    {.name = "WITNS", .help = "namespace of the interfaces"},
    {.name = "WITPKG", .help = "their package"},
});
constexpr std::array kPutOptions = std::to_array<OptionSpec>({
    {.name = "interface",
     .value = "I",
     .help = "an interface of the package: store",
     .letter = 'i',
     .repeat = Repeat::many},
    kName,
    {.name = "source-config", .value = "CONFIG", .help = "a configuration given to the source", .repeat = Repeat::many},
    {.name = "target-config", .value = "CONFIG", .help = "a configuration given to the target", .repeat = Repeat::many},
});
constexpr std::array kDelOptions{kName};

std::string title(std::string_view source, std::string_view wit_namespace, std::string_view package,
                  std::string_view name) {
  return fmt::format("{} {}:{} {}", source, wit_namespace, package, name);
}

/// Namespace and package are arguments of their own, as in wash; an interface goes by its name alone.
Result<void> check_part(std::string_view what, std::string_view text, std::string_view example) {
  if (!text.empty() && text.find_first_of(":/@ ") == std::string_view::npos) {
    return {};
  }
  return Error(Errc::invalid_argument, fmt::format("'{}' is no {}.", text, what),
               fmt::format("Of 'wasi:keyvalue/store@0.2.0' it would be: {}.", example), Blame::operator_);
}

Result<void> check_parts(const std::string& wit_namespace, const std::string& package,
                         const std::vector<std::string>& interfaces) {
  WEFT_CHECK(check_part("namespace", wit_namespace, "wasi"));
  WEFT_CHECK(check_part("package", package, "keyvalue"));
  for (const auto& interface : interfaces) {
    WEFT_CHECK(check_part("interface", interface, "store"));
  }
  return {};
}

Result<int> put(const Arguments& arguments, Context& context) {
  wire::Link link;
  link.source_id = arguments.positional("SOURCE");
  link.target = arguments.positional("TARGET");
  link.name = arguments.value("name").value_or(link.name);
  link.wit_namespace = arguments.positional("WITNS");
  link.wit_package = arguments.positional("WITPKG");
  link.interfaces = arguments.values("interface");
  link.source_config = arguments.values("source-config");
  link.target_config = arguments.values("target-config");
  if (link.interfaces.empty()) {
    return Error(Errc::invalid_argument, "A link without interfaces connects nothing.", "Name each with '--interface'.",
                 Blame::operator_);
  }
  WEFT_CHECK(check_parts(link.wit_namespace, link.wit_package, link.interfaces));
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  const Deed deed{.kind = "link",
                  .id = title(link.source_id, link.wit_namespace, link.wit_package, link.name),
                  .done = "set",
                  .host_id = {}};
  return carry_out_at_once(*connection, context, deed, connection->client().put_link(link));
}

Result<int> del(const Arguments& arguments, Context& context) {
  wire::DeleteLink command;
  command.source_id = arguments.positional("SOURCE");
  command.name = arguments.value("name").value_or(command.name);
  command.wit_namespace = arguments.positional("WITNS");
  command.wit_package = arguments.positional("WITPKG");
  WEFT_CHECK(check_parts(command.wit_namespace, command.wit_package, {}));
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  const Deed deed{.kind = "link",
                  .id = title(command.source_id, command.wit_namespace, command.wit_package, command.name),
                  .done = "deleted",
                  .host_id = {}};
  return carry_out_at_once(*connection, context, deed, connection->client().delete_link(command));
}

}  // namespace

const CommandSpec& link_put_command() noexcept {
  static const CommandSpec spec{
      .name = "link put",
      .summary = "connect imports of one component or provider to another",
      .positionals = kPut,
      .groups = {OptionGroup{"Link", kPutOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "Neither of the two needs to run yet. A link of the same name replaces the one that is there.",
      .examples =
          "weft link put shop-cart shop-kv wasi keyvalue --interface store --interface atomics --target-config shop-kv",
      .run = put};
  return spec;
}

const CommandSpec& link_del_command() noexcept {
  static const CommandSpec spec{
      .name = "link del",
      .summary = "take a link away",
      .positionals = kDel,
      .groups = {OptionGroup{"Link", kDelOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "It is no failure if there is none.",
      .examples = "weft link del shop-cart wasi keyvalue",
      .run = del};
  return spec;
}

const CommandSpec& link_get_command() noexcept {
  static const CommandSpec spec{
      .name = "link get",
      .summary = "list the links of the lattice",
      .positionals = {},
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "",
      .examples = "weft link get --output json",
      .run = list_links};
  return spec;
}

}  // namespace weft::cli
