// SPDX-License-Identifier: Apache-2.0
/// `weft get ...`: what there is in a lattice.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice/queries.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

namespace weft::cli {
namespace {

namespace json = boost::json;

/// A host that is no weft does not answer; where somebody listens to everything, not even that it does not.
constexpr std::chrono::milliseconds kDetailsTimeout{2'000};
constexpr const char* kNone = "-";

constexpr std::array kHost =
    std::to_array<PositionalSpec>({{.name = "HOST",
                                    .help = "one host only: the beginning of its id, or a part of its name",
                                    .need = Need::optional}});
constexpr std::array kConfig = std::to_array<PositionalSpec>({{.name = "CONFIG", .help = "its name"}});

std::string instances(std::uint32_t count) { return count == UINT32_MAX ? "unlimited" : fmt::format("{}", count); }

Result<int> get_hosts(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto hosts, connection->hosts());
  if (context.output == OutputFormat::json) {
    return print_json(context, "hosts", json_array(hosts, [](const auto& host) { return wire::encode(host); }));
  }
  Table table{"ID", "NAME", "VERSION", "UPTIME", "LABELS"};
  for (const auto& host : hosts) {
    table.add({host.id, host.friendly_name, host.version, host.uptime_human, pairs_text(host.labels)});
  }
  context.console.out(table.text("no hosts"));
  return kExitSuccess;
}

void print_inventory(const Context& context, const wire::HostInventory& host) {
  context.console.out(fmt::format("host {} ({}), {}, up {}\nlabels {}\n", printable(host.host_id),
                                  printable(host.friendly_name), printable(host.version), printable(host.uptime_human),
                                  printable(pairs_text(host.labels))));
  Table table{"KIND", "ID", "REFERENCE", "INSTANCES", "ANNOTATIONS"};
  for (const auto& component : host.components) {
    table.add({"component", component.id, component.image_ref, instances(component.max_instances),
               pairs_text(component.annotations)});
  }
  for (const auto& provider : host.providers) {
    table.add({"provider", provider.id, provider.image_ref, "", pairs_text(provider.annotations)});
  }
  context.console.out(table.text("nothing runs"));
}

Result<int> get_inventory(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  std::vector<wire::HostInventory> inventories;
  if (const auto wanted = arguments.positional("HOST"); !wanted.empty()) {
    WEFT_TRY(auto id, connection->host_id(wanted));
    WEFT_TRY(auto inventory, connection->wait(connection->client().inventory(std::move(id))));
    inventories.push_back(std::move(inventory));
  } else {
    WEFT_TRY(inventories, connection->inventories());
  }
  if (context.output == OutputFormat::json) {
    return print_json(context, "inventories",
                      json_array(inventories, [](const auto& inventory) { return wire::encode(inventory); }));
  }
  for (std::size_t i = 0; i < inventories.size(); ++i) {
    if (i > 0) context.console.out("\n");
    print_inventory(context, inventories[i]);
  }
  return kExitSuccess;
}

Result<int> get_components(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto inventories, connection->inventories());
  Table table{"ID", "HOST", "REFERENCE", "INSTANCES"};
  std::vector<std::string> objects;
  for (const auto& host : inventories) {
    for (const auto& component : host.components) {
      table.add({component.id, host.friendly_name, component.image_ref, instances(component.max_instances)});
      JsonObject object;
      object.text("id", component.id).text("host", host.host_id).text("image_ref", component.image_ref);
      object.number("max_instances", component.max_instances).raw("annotations", wire::encode(component.annotations));
      objects.push_back(object.str());
    }
  }
  if (context.output == OutputFormat::json)
    return print_json(context, "components", json_array(objects, std::identity()));
  context.console.out(table.text("no components"));
  return kExitSuccess;
}

/// What only weft hosts tell of their providers, by id; nothing of others.
std::map<std::string, json::value> provider_details(Connection& connection, const wire::HostInventory& host) {
  std::map<std::string, json::value> details;
  if (host.providers.empty()) return details;
  const auto answer = connection.wait(connection.client().ask(host.host_id, "providers", {}, kDetailsTimeout));
  const auto list = answer ? parse_json(*answer, "the host's answer") : Result<json::value>(json::value());
  if (!list) return details;
  for (auto& provider : elements(*list)) details.emplace(text_at(provider, "id"), std::move(provider));
  return details;
}

std::uint64_t count_at(const json::value& details, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(number_at(details, name), 0));
}

/// A built-in has no process, and one that is between two has none at the moment.
std::string number_or_none(const json::value& details, std::string_view name, bool is_none) {
  return is_none || member(details, name) == nullptr ? kNone : fmt::format("{}", number_at(details, name));
}

Result<int> get_providers(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto inventories, connection->inventories());
  Table table{"ID", "HOST", "REFERENCE", "PID", "RESTARTS", "HEALTH"};
  std::vector<std::string> objects;
  for (const auto& host : inventories) {
    auto all_details = provider_details(*connection, host);
    for (const auto& provider : host.providers) {
      const auto& details = all_details[provider.id];
      const bool is_known = member(details, "restarts") != nullptr;
      const auto health = text_at(details, "health");
      table.add({provider.id, host.friendly_name, provider.image_ref,
                 number_or_none(details, "pid", number_at(details, "pid") == 0),
                 number_or_none(details, "restarts", false), health.empty() ? kNone : health});
      JsonObject object;
      object.text("id", provider.id).text("host", host.host_id).text("image_ref", provider.image_ref);
      if (is_known) object.number("restarts", count_at(details, "restarts"));
      if (member(details, "pid") != nullptr) {
        object.number("pid", count_at(details, "pid")).text("instance_id", text_at(details, "instance_id"));
        object.text("health", health).text("health_message", text_at(details, "message"));
      }
      objects.push_back(object.raw("annotations", wire::encode(provider.annotations)).str());
    }
  }
  if (context.output == OutputFormat::json)
    return print_json(context, "providers", json_array(objects, std::identity()));
  context.console.out(table.text("no providers"));
  return kExitSuccess;
}

std::string claim(const wire::StringMap& claims, const std::string& name) {
  const auto found = claims.find(name);
  return found == claims.end() ? std::string() : found->second;
}

Result<int> get_claims(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto claims, connection->wait(connection->client().claims()));
  if (context.output == OutputFormat::json) return print_json(context, "claims", wire::encode(claims));
  Table table{"SUBJECT", "NAME", "VERSION", "REVISION", "ISSUER"};
  for (const auto& one : claims) {
    table.add({claim(one, "sub"), claim(one, "name"), claim(one, "version"), claim(one, "rev"), claim(one, "iss")});
  }
  context.console.out(table.text("no claims"));
  return kExitSuccess;
}

CommandSpec query(std::string_view name, std::string_view summary, std::string_view examples,
                  Result<int> (*run)(const Arguments&, Context&), std::span<const PositionalSpec> positionals = {}) {
  return {.name = name,
          .summary = summary,
          .positionals = positionals,
          .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
          .notes = "",
          .examples = examples,
          .run = run};
}

}  // namespace

Result<int> print_json(const Context& context, std::string_view name, std::string_view json) {
  context.console.out(JsonObject().raw(name, json).str() + "\n");
  return kExitSuccess;
}

Result<int> list_links(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto links, connection->wait(connection->client().links()));
  if (context.output == OutputFormat::json) return print_json(context, "links", wire::encode(links));
  Table table{"SOURCE", "TARGET", "PACKAGE", "INTERFACES", "NAME", "SOURCE CONFIG", "TARGET CONFIG"};
  for (const auto& link : links) {
    table.add({link.source_id, link.target, fmt::format("{}:{}", link.wit_namespace, link.wit_package),
               list_text(link.interfaces), link.name, list_text(link.source_config), list_text(link.target_config)});
  }
  context.console.out(table.text("no links"));
  return kExitSuccess;
}

Result<int> show_config(const Arguments& arguments, Context& context) {
  const auto name = arguments.positional("CONFIG");
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto config, connection->wait(connection->client().get_config(name)));
  if (!config) {
    return Error(Errc::not_found, fmt::format("There is no configuration '{}'.", name),
                 fmt::format("Make it with 'weft config put {} KEY=VALUE'.", name), Blame::operator_);
  }
  if (context.output == OutputFormat::json) return print_json(context, "config", wire::encode(*config));
  Table table{"KEY", "VALUE"};
  for (const auto& [key, value] : *config) table.add({key, value});
  context.console.out(table.text("empty"));
  return kExitSuccess;
}

const CommandSpec& get_hosts_command() noexcept {
  static const CommandSpec spec = query("get hosts", "list the hosts of the lattice", "weft get hosts", get_hosts);
  return spec;
}

const CommandSpec& get_inventory_command() noexcept {
  static const CommandSpec spec =
      query("get inventory", "show what runs on each host, or on one",
            "weft get inventory\nweft get inventory quiet-harbor --output json", get_inventory, kHost);
  return spec;
}

const CommandSpec& get_components_command() noexcept {
  static const CommandSpec spec =
      query("get components", "list the components of the lattice", "weft get components", get_components);
  return spec;
}

const CommandSpec& get_providers_command() noexcept {
  static const CommandSpec spec =
      query("get providers", "list the providers of the lattice", "weft get providers", get_providers);
  return spec;
}

const CommandSpec& get_links_command() noexcept {
  static const CommandSpec spec = query("get links", "list the links of the lattice", "weft get links", list_links);
  return spec;
}

const CommandSpec& get_config_command() noexcept {
  static const CommandSpec spec =
      query("get config", "show one configuration", "weft get config shop-cart", show_config, kConfig);
  return spec;
}

const CommandSpec& get_claims_command() noexcept {
  static const CommandSpec spec =
      query("get claims", "list the claims of signed components and providers", "weft get claims", get_claims);
  return spec;
}

}  // namespace weft::cli
