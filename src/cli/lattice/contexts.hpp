// SPDX-License-Identifier: Apache-2.0
/// The contexts file: lattices by name, so that a command need not be told how to reach one.
///   {"current": "shop", "contexts": {"shop": {"nats": ["nats://10.0.0.5:4222"], "lattice": "shop", "creds": "..."}}}
/// A context has "nats" (and "creds", "ca", "cert", "key", "js_domain"), or "data_dir", or "socket"; besides "lattice",
/// "host" and "ctl_prefix". Threads: a plain value. Errors: not_found (no such context), malformed, io.
#pragma once

#include "cli/context.hpp"

#include <weft/lattice.hpp>

#include <map>
#include <optional>
#include <string>

namespace weft::cli {

struct NamedContext {
  std::string name;
  std::optional<NatsConfig> nats;
  std::string data_dir;
  std::string socket;
  std::string lattice;
  std::string host;
  std::string control_prefix;
};

struct Contexts {
  std::string current;  ///< empty: none
  std::map<std::string, NamedContext> named;

  /// not_found, naming those that there are.
  [[nodiscard]] Result<NamedContext> find(const std::string& name) const;
};

Result<Contexts> parse_contexts(std::string_view text, std::string_view origin);
/// $XDG_CONFIG_HOME/weft/contexts.json, else ~/.config/weft/contexts.json; empty if neither folder is known.
std::string contexts_path(const Context& context);
/// No file: no contexts.
Result<Contexts> read_contexts(const Context& context);

}  // namespace weft::cli
