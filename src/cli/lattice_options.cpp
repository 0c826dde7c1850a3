// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice_options.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kNatsOptions = std::to_array<OptionSpec>({
    {.name = "nats", .value = "URL", .help = "a NATS server of the lattice", .repeat = Repeat::many},
    {.name = "nats-creds", .value = "FILE", .help = "credentials for it"},
    {.name = "nats-ca", .value = "FILE", .help = "certificates to trust; TLS is then required"},
    {.name = "nats-cert", .value = "FILE", .help = "a client certificate, with --nats-key"},
    {.name = "nats-key", .value = "FILE", .help = "its key"},
    {.name = "js-domain", .value = "NAME", .help = "JetStream domain"},
});

}  // namespace

std::span<const OptionSpec> nats_options() noexcept { return kNatsOptions; }

Result<std::optional<NatsConfig>> nats_config(const Arguments& arguments, const Context& context) {
  auto urls = arguments.values("nats");
  if (urls.empty()) {
    if (const auto url = context.getenv("WEFT_NATS"); url && !url->empty()) {
      urls.push_back(*url);
    }
  }
  if (urls.empty()) {
    for (const OptionSpec& option : kNatsOptions) {
      if (arguments.flag(option.name)) {
        return Error(Errc::invalid_argument, fmt::format("'--{}' is of no use without '--nats'.", option.name),
                     "Name a server with '--nats nats://127.0.0.1:4222'.", Blame::operator_);
      }
    }
    return std::optional<NatsConfig>();
  }
  NatsConfig config;
  config.urls = std::move(urls);
  for (auto& url : config.urls) {
    if (url.find("://") == std::string::npos) url.insert(0, "nats://");
  }
  config.credentials_file = arguments.value("nats-creds").value_or("");
  config.ca_file = arguments.value("nats-ca").value_or("");
  config.require_tls = !config.ca_file.empty();
  config.certificate_file = arguments.value("nats-cert").value_or("");
  config.key_file = arguments.value("nats-key").value_or("");
  if (config.certificate_file.empty() != config.key_file.empty()) {
    return Error(Errc::invalid_argument, "'--nats-cert' and '--nats-key' belong together.", "Give both, or neither.",
                 Blame::operator_);
  }
  config.jetstream_domain = arguments.value("js-domain").value_or("");
  return std::optional(std::move(config));
}

Result<std::string> data_dir(const Arguments& arguments, const Context& context) {
  if (const auto named = arguments.value("data-dir")) {
    if (named->empty()) {
      return Error(Errc::invalid_argument, "'--data-dir' is empty.", "Name a folder.", Blame::operator_);
    }
    return *named;
  }
  if (const auto named = context.getenv("WEFT_DATA_DIR"); named && !named->empty()) return *named;
  if (::geteuid() == 0) return std::string("/var/lib/weft");
  if (const auto base = context.getenv("XDG_DATA_HOME"); base && base->starts_with('/')) return *base + "/weft";
  if (const auto home = context.getenv("HOME"); home && home->starts_with('/')) return *home + "/.local/share/weft";
  return Error(Errc::invalid_argument, "there is no home folder to keep the host's state in.",
               "Name a folder with '--data-dir'.", Blame::operator_);
}

std::string control_socket(const std::string& data_dir) { return data_dir + "/control.sock"; }

}  // namespace weft::cli
