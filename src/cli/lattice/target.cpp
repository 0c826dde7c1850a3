// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/target.hpp"

#include "bus/nats_options.hpp"
#include "cli/lattice/contexts.hpp"
#include "cli/lattice/daemon_file.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"
#include "wire/control_subject.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

namespace weft::cli {
namespace {

constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "host",
     .value = "HOST",
     .help = "the host that is meant: the beginning of its id, or a part of its name",
     .fallback = "the local daemon, or the only one there is"},
    {.name = "lattice",
     .value = "NAME",
     .help = "its lattice",
     .fallback = "the context's or the daemon's, else default",
     .environment = "WEFT_LATTICE"},
    {.name = "context",
     .value = "CONTEXT",
     .help = "a lattice by its name in the contexts file",
     .environment = "WEFT_CONTEXT"},
    {.name = "data-dir",
     .value = "DIR",
     .help = "the local daemon with this data folder",
     .environment = "WEFT_DATA_DIR"},
    {.name = "socket", .value = "FILE", .help = "the local daemon with this socket"},
    {.name = "ctl-prefix", .value = "PREFIX", .help = "of the control interface's subjects", .fallback = "wasmbus.ctl"},
    {.name = "answer-timeout", .value = "TIME", .help = "for a host's answer", .fallback = "5s"},
    {.name = "gather", .value = "TIME", .help = "to collect the answers of all hosts", .fallback = "500ms"},
});

Result<void> check_exclusive(const Arguments& arguments) {
  std::string given;
  for (const std::string_view option : {"nats", "context", "data-dir", "socket"}) {
    if (!arguments.flag(option)) continue;
    if (!given.empty()) {
      return Error(Errc::invalid_argument, fmt::format("'--{}' and '--{}' exclude each other.", given, option),
                   "Give one of them.", Blame::operator_);
    }
    given = option;
  }
  return {};
}

std::string variable(const Context& context, const std::string& name) { return context.getenv(name).value_or(""); }

/// The variables that wash sets and reads; the more particular of a pair first.
std::string wasmcloud(const Context& context, std::string_view name) {
  const auto value = variable(context, fmt::format("WASMCLOUD_CTL_{}", name));
  return value.empty() ? variable(context, fmt::format("WASMCLOUD_NATS_{}", name)) : value;
}

std::optional<NatsConfig> wasmcloud_nats(const Context& context) {
  const auto host = wasmcloud(context, "HOST");
  const auto port = wasmcloud(context, "PORT");
  if (host.empty() && port.empty()) return std::nullopt;
  NatsConfig nats;
  nats.urls = {fmt::format("nats://{}:{}", host.empty() ? "127.0.0.1" : host, port.empty() ? "4222" : port)};
  nats.credentials_file = wasmcloud(context, "CREDS");
  nats.user_jwt = wasmcloud(context, "JWT");
  nats.user_seed = wasmcloud(context, "SEED");
  nats.require_tls = variable(context, "WASMCLOUD_CTL_TLS") == "true";
  nats.jetstream_domain = variable(context, "WASMCLOUD_JS_DOMAIN");
  return nats;
}

NatsConfig servers(std::string_view urls) {
  NatsConfig nats;
  nats.urls = nats_urls(urls);
  return nats;
}

/// A daemon's folder is told by its socket: they stand beside each other.
void use_daemon(LatticeTarget& target, std::string data_dir, std::string socket) {
  target.data_dir = std::move(data_dir);
  target.socket = std::move(socket);
  if (target.data_dir.empty()) target.data_dir = std::filesystem::path(target.socket).parent_path().string();
  if (target.socket.empty()) target.socket = control_socket(target.data_dir);
  const auto file = read_daemon_file(target.data_dir);
  // Nothing depends on it: a daemon that it does not name is asked for by --lattice and --host.
  if (!file || !*file) return;
  target.daemon = (*file)->host_id;
  target.lattice = (*file)->lattice;
  target.alone = (*file)->alone;
}

Result<void> use_context(LatticeTarget& target, const NamedContext& named, const Arguments& arguments,
                         const Context& context) {
  if (named.nats) {
    WEFT_TRY(target.nats, with_nats_options(*named.nats, arguments));
  } else if (!named.data_dir.empty() || !named.socket.empty()) {
    use_daemon(target, named.data_dir, named.socket);
  } else {
    WEFT_TRY(auto folder, data_dir(arguments, context));
    use_daemon(target, std::move(folder), {});
  }
  if (!named.lattice.empty()) target.lattice = named.lattice;
  if (!named.control_prefix.empty()) target.control_prefix = named.control_prefix;
  target.host = named.host;
  return {};
}

Result<void> use_context_named(LatticeTarget& target, const std::string& name, const Arguments& arguments,
                               const Context& context) {
  WEFT_TRY(const Contexts contexts, read_contexts(context));
  WEFT_TRY(const NamedContext named, contexts.find(name));
  return use_context(target, named, arguments, context);
}

Result<void> use_nats(LatticeTarget& target, NatsConfig nats, const Arguments& arguments) {
  WEFT_TRY(target.nats, with_nats_options(std::move(nats), arguments));
  return {};
}

/// The last resorts: the current context, else the daemon of this machine.
Result<void> use_current(LatticeTarget& target, const Arguments& arguments, const Context& context) {
  WEFT_TRY(const Contexts contexts, read_contexts(context));
  if (!contexts.current.empty()) {
    WEFT_TRY(const NamedContext named, contexts.find(contexts.current));
    return use_context(target, named, arguments, context);
  }
  WEFT_CHECK(no_nats_options(arguments));
  WEFT_TRY(auto folder, data_dir(arguments, context));
  use_daemon(target, std::move(folder), {});
  return {};
}

Result<void> find_address(LatticeTarget& target, const Arguments& arguments, const Context& context) {
  if (arguments.flag("nats")) {
    return use_nats(target, servers(list_text(arguments.values("nats"))), arguments);
  }
  if (arguments.flag("data-dir") || arguments.flag("socket")) {
    WEFT_CHECK(no_nats_options(arguments));
    use_daemon(target, arguments.value("data-dir").value_or(""), arguments.value("socket").value_or(""));
    return {};
  }
  if (const auto name = arguments.value("context")) return use_context_named(target, *name, arguments, context);
  if (const auto urls = variable(context, "WEFT_NATS"); !urls.empty()) {
    return use_nats(target, servers(urls), arguments);
  }
  if (const auto name = variable(context, "WEFT_CONTEXT"); !name.empty()) {
    return use_context_named(target, name, arguments, context);
  }
  if (auto folder = variable(context, "WEFT_DATA_DIR"); !folder.empty()) {
    WEFT_CHECK(no_nats_options(arguments));
    use_daemon(target, std::move(folder), {});
    return {};
  }
  if (auto nats = wasmcloud_nats(context)) {
    target.lattice = context.getenv("WASMCLOUD_LATTICE").value_or(target.lattice);
    target.control_prefix = context.getenv("WASMCLOUD_CTL_TOPIC_PREFIX").value_or(target.control_prefix);
    return use_nats(target, *std::move(nats), arguments);
  }
  return use_current(target, arguments, context);
}

}  // namespace

std::string LatticeTarget::name() const {
  if (nats) return bus::without_credentials(nats->urls.front());
  return data_dir.empty() ? socket : data_dir;
}

std::span<const OptionSpec> connection_options() noexcept { return kOptions; }

Result<LatticeTarget> lattice_target(const Arguments& arguments, const Context& context) {
  LatticeTarget target;
  WEFT_CHECK(check_exclusive(arguments));
  WEFT_CHECK(find_address(target, arguments, context));
  if (const auto lattice = option_value(arguments, context, kOptions, "lattice")) target.lattice = *lattice;
  if (const auto host = arguments.value("host")) target.host = *host;
  if (const auto prefix = arguments.value("ctl-prefix")) target.control_prefix = *prefix;
  WEFT_CHECK(read_duration(arguments, "answer-timeout", target.answer_timeout));
  WEFT_CHECK(read_duration(arguments, "gather", target.gather));
  WEFT_CHECK(wire::check_lattice_name(target.lattice));
  return target;
}

}  // namespace weft::cli
