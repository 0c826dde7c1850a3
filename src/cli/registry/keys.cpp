// SPDX-License-Identifier: Apache-2.0
/// `weft keys gen`, `weft keys get` and `weft keys list`. Only gen prints a seed, because that is what it is for.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/table.hpp"
#include "cli/registry/keyring.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kKind = std::to_array<PositionalSpec>(
    {{.name = "KIND", .help = "account, user, module, service, server, operator, cluster or curve"}});
constexpr std::array kName = std::to_array<PositionalSpec>({{.name = "NAME", .help = "of its file, without .nk"}});
constexpr std::array kFolder = std::to_array<OptionSpec>({{.name = "directory",
                                                           .value = "DIR",
                                                           .help = "the folder of keys",
                                                           .fallback = "~/.local/share/wash/keys",
                                                           .letter = 'd',
                                                           .environment = "WASH_KEYS"}});

std::string key_json(const std::string& name, const wire::PublicKey& key) {
  return JsonObject().text("name", name).text("kind", to_string(key.kind)).text("public_key", key.text()).str();
}

Result<int> gen(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto kind, parse_key_kind(arguments.positional("KIND")));
  const auto pair = new_key(kind);
  if (context.output == OutputFormat::json) {
    context.console.out(JsonObject().text("public_key", pair.public_text()).text("seed", pair.seed()).str() + "\n");
  } else {
    context.console.out(fmt::format("public key  {}\nseed        {}\n", pair.public_text(), pair.seed()));
    context.console.err("The seed is a secret: whoever has it signs in this name.\n");
  }
  return kExitSuccess;
}

Result<int> get(const Arguments& arguments, Context& context) {
  const auto name = arguments.positional("NAME");
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  WEFT_TRY(const auto pair, keyring.get(name));
  if (context.output == OutputFormat::json) {
    context.console.out(key_json(name, pair.public_key()) + "\n");
  } else {
    context.console.out(pair.public_text() + "\n");
  }
  return kExitSuccess;
}

Result<int> list(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  WEFT_TRY(const auto entries, keyring.list());
  if (context.output == OutputFormat::json) {
    const auto keys = json_array(entries, [](const Keyring::Entry& entry) { return key_json(entry.name, entry.key); });
    context.console.out(JsonObject().text("directory", keyring.folder()).raw("keys", keys).str() + "\n");
    return kExitSuccess;
  }
  Table table{"NAME", "KIND", "PUBLIC KEY"};
  for (const auto& entry : entries) table.add({entry.name, std::string(to_string(entry.key.kind)), entry.key.text()});
  context.console.out(table.text(fmt::format("no keys in {}", keyring.folder())));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& keys_gen_command() noexcept {
  static const CommandSpec spec{.name = "keys gen",
                                .summary = "make a pair of keys and print it, seed included",
                                .positionals = kKind,
                                .notes =
                                    "Nothing is kept. 'component', 'provider' and 'host' are other names of module, "
                                    "service and server.",
                                .examples = "weft keys gen account\nweft keys gen module --output json",
                                .run = gen};
  return spec;
}

const CommandSpec& keys_get_command() noexcept {
  static const CommandSpec spec{.name = "keys get",
                                .summary = "print the public half of a key that is kept",
                                .positionals = kName,
                                .groups = {OptionGroup{"Options", kFolder}},
                                .notes = "The seed stays in its file.",
                                .examples = "weft keys get cart_module",
                                .run = get};
  return spec;
}

const CommandSpec& keys_list_command() noexcept {
  static const CommandSpec spec{.name = "keys list",
                                .summary = "show the keys in a folder",
                                .groups = {OptionGroup{"Options", kFolder}},
                                .examples = "weft keys list\nweft keys list --directory ./keys",
                                .run = list};
  return spec;
}

}  // namespace weft::cli
