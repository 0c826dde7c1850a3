// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/contexts.hpp"

#include "cli/file.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <ranges>

namespace weft::cli {
namespace {

NamedContext context_of(const std::string& name, const boost::json::value& value) {
  NamedContext found{.name = name,
                     .nats = std::nullopt,
                     .data_dir = text_at(value, "data_dir"),
                     .socket = text_at(value, "socket"),
                     .lattice = text_at(value, "lattice"),
                     .host = text_at(value, "host"),
                     .control_prefix = text_at(value, "ctl_prefix")};
  auto urls = nats_urls(list_text(texts_at(value, "nats")));
  if (urls.empty()) return found;
  NatsConfig nats;
  nats.urls = std::move(urls);
  nats.credentials_file = text_at(value, "creds");
  nats.ca_file = text_at(value, "ca");
  nats.require_tls = !nats.ca_file.empty();
  nats.certificate_file = text_at(value, "cert");
  nats.key_file = text_at(value, "key");
  nats.jetstream_domain = text_at(value, "js_domain");
  found.nats = std::move(nats);
  return found;
}

}  // namespace

Result<NamedContext> Contexts::find(const std::string& name) const {
  if (const auto found = named.find(name); found != named.end()) return found->second;
  return Error(Errc::not_found, fmt::format("There is no context '{}'.", name),
               named.empty() ? "Write it into the contexts file (see 'weft help status')."
                             : fmt::format("Use one of: {}.", fmt::join(named | std::views::keys, ", ")),
               Blame::operator_);
}

Result<Contexts> parse_contexts(std::string_view text, std::string_view origin) {
  WEFT_TRY(const auto value, parse_json(text, origin));
  Contexts contexts{.current = text_at(value, "current"), .named = {}};
  const auto* named = member(value, "contexts");
  if (named == nullptr || !named->is_object()) {
    return Error(Errc::malformed, fmt::format("{} has no object \"contexts\".", origin),
                 R"(Write {"current": "a", "contexts": {"a": {"nats": ["nats://127.0.0.1:4222"]}}}.)",
                 Blame::operator_);
  }
  for (const auto& entry : named->get_object()) {
    const std::string name(entry.key());
    contexts.named.emplace(name, context_of(name, entry.value()));
  }
  return contexts;
}

std::string contexts_path(const Context& context) {
  if (const auto base = context.getenv("XDG_CONFIG_HOME"); base && base->starts_with('/')) {
    return *base + "/weft/contexts.json";
  }
  if (const auto home = context.getenv("HOME"); home && home->starts_with('/')) {
    return *home + "/.config/weft/contexts.json";
  }
  return {};
}

Result<Contexts> read_contexts(const Context& context) {
  const std::string path = contexts_path(context);
  if (path.empty()) return Contexts{};
  const auto text = read_file(path);
  if (text) return parse_contexts(*text, fmt::format("'{}'", path));
  if (text.error().code() == Errc::not_found) return Contexts{};
  return text.error();
}

}  // namespace weft::cli
