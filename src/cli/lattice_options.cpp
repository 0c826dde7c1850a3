// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice_options.hpp"

#include "cli/lattice/table.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kNatsOptions = std::to_array<OptionSpec>({
    {.name = "nats",
     .value = "URL",
     .help = "a NATS server of the lattice",
     .repeat = Repeat::many,
     .environment = "WEFT_NATS"},
    {.name = "nats-creds", .value = "FILE", .help = "credentials for it"},
    {.name = "nats-ca", .value = "FILE", .help = "certificates to trust; TLS is then required"},
    {.name = "nats-cert", .value = "FILE", .help = "a client certificate, with --nats-key"},
    {.name = "nats-key", .value = "FILE", .help = "its key"},
    {.name = "js-domain", .value = "NAME", .help = "JetStream domain"},
});

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (comma != 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

/// What the options say takes the place of what `config` has.
Result<void> apply_options(NatsConfig& config, const Arguments& arguments) {
  if (const auto file = arguments.value("nats-creds")) config.credentials_file = *file;
  if (const auto file = arguments.value("nats-ca")) {
    config.ca_file = *file;
    config.require_tls = true;
  }
  if (const auto file = arguments.value("nats-cert")) config.certificate_file = *file;
  if (const auto file = arguments.value("nats-key")) config.key_file = *file;
  if (config.certificate_file.empty() != config.key_file.empty()) {
    return Error(Errc::invalid_argument, "'--nats-cert' and '--nats-key' belong together.", "Give both, or neither.",
                 Blame::operator_);
  }
  if (const auto domain = arguments.value("js-domain")) config.jetstream_domain = *domain;
  return {};
}

}  // namespace

std::vector<std::string> nats_urls(std::string_view text) {
  auto urls = split_at_commas(text);
  for (auto& url : urls) {
    if (url.find("://") == std::string::npos) url.insert(0, "nats://");
  }
  return urls;
}

Result<NatsConfig> with_nats_options(NatsConfig config, const Arguments& arguments) {
  WEFT_CHECK(apply_options(config, arguments));
  return config;
}

std::span<const OptionSpec> nats_options() noexcept { return kNatsOptions; }

Result<std::optional<NatsConfig>> nats_config(const Arguments& arguments, const Context& context) {
  auto urls = nats_urls(list_text(arguments.values("nats")));
  if (urls.empty()) urls = nats_urls(context.getenv("WEFT_NATS").value_or(""));
  if (!urls.empty()) {
    NatsConfig servers;
    servers.urls = std::move(urls);
    WEFT_TRY(auto config, with_nats_options(std::move(servers), arguments));
    return std::optional(std::move(config));
  }
  WEFT_CHECK(no_nats_options(arguments));
  return std::optional<NatsConfig>();
}

Result<void> no_nats_options(const Arguments& arguments) {
  for (const OptionSpec& option : kNatsOptions) {
    if (arguments.flag(option.name)) {
      return Error(Errc::invalid_argument, fmt::format("'--{}' is of no use without '--nats'.", option.name),
                   "Name a server with '--nats nats://127.0.0.1:4222'.", Blame::operator_);
    }
  }
  return {};
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
