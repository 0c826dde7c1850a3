// SPDX-License-Identifier: Apache-2.0
#include "cli/image_options.hpp"

#include "cli/option_value.hpp"
#include "cli/parse_size.hpp"
#include "wire/image_ref.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr OptionSpec kCaFiles{.name = "tls-ca-path",
                              .value = "LIST",
                              .help = "files of certificates to trust besides the system's",
                              .environment = "WASMCLOUD_TLS_CA_PATH"};
constexpr OptionSpec kDockerConfig{.name = "docker-config",
                                   .value = "FILE",
                                   .help = "logins, as docker keeps them",
                                   .environment = "WEFT_DOCKER_CONFIG"};
constexpr OptionSpec kCache{.name = "artifact-cache",
                            .value = "DIR",
                            .help = "keep images there; several hosts may share it",
                            .environment = "WEFT_ARTIFACT_CACHE"};

constexpr OptionSpec with_fallback(OptionSpec option, std::string_view fallback) {
  option.fallback = fallback;
  return option;
}

constexpr std::array kImages = std::to_array<OptionSpec>({
    {.name = "allow-latest", .value = "", .help = "permit the tag latest", .environment = "WASMCLOUD_OCI_ALLOW_LATEST"},
    {.name = "allowed-insecure",
     .value = "LIST",
     .help = "registries that are asked over plain HTTP",
     .environment = "WASMCLOUD_OCI_ALLOWED_INSECURE"},
    {.name = "oci-registry",
     .value = "ADDR",
     .help = "the registry that user and password are for",
     .environment = "WASMCLOUD_OCI_REGISTRY"},
    {.name = "oci-user", .value = "NAME", .help = "user there", .environment = "WASMCLOUD_OCI_REGISTRY_USER"},
    {.name = "oci-password",
     .value = "TEXT",
     .help = "password there; others on this machine cannot see the variable",
     .environment = "WASMCLOUD_OCI_REGISTRY_PASSWORD"},
    kCaFiles,
    kDockerConfig,
    with_fallback(kCache, "artifacts in the data folder"),
    {.name = "artifact-cache-size",
     .value = "SIZE",
     .help = "remove the least recently used beyond that",
     .fallback = "4GiB",
     .environment = "WEFT_ARTIFACT_CACHE_SIZE"},
    {.name = "require-signed",
     .value = "",
     .help = "refuse components without a valid signature",
     .environment = "WEFT_REQUIRE_SIGNED"},
    {.name = "allowed-issuer",
     .value = "KEY",
     .help = "an account (A...) whose work may run; without one anybody's",
     .repeat = Repeat::many,
     .environment = "WEFT_ALLOWED_ISSUERS"},
});

constexpr std::array kRegistry = std::to_array<OptionSpec>({
    {.name = "user", .value = "NAME", .help = "user of the registry", .letter = 'u', .environment = "WASH_REG_USER"},
    {.name = "password",
     .value = "TEXT",
     .help = "password; others on this machine cannot see the variable",
     .letter = 'p',
     .environment = "WASH_REG_PASSWORD"},
    {.name = "insecure", .value = "", .help = "speak plain HTTP"},
    {.name = "insecure-skip-tls-verify", .value = "", .help = "trust any certificate"},
    {.name = "allow-latest", .value = "", .help = "permit the tag latest"},
    kCaFiles,
    with_fallback(kDockerConfig, "~/.docker/config.json"),
    with_fallback(kCache, "the user's folder for caches"),
});

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

/// The values of one table.
class Values {
 public:
  Values(const Arguments& arguments, const Context& context, std::span<const OptionSpec> options)
      : arguments_(arguments), context_(context), options_(options) {}

  [[nodiscard]] std::string text(std::string_view name) const {
    return option_value(arguments_, context_, options_, name).value_or("");
  }
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const { return split_at_commas(text(name)); }
  [[nodiscard]] Result<bool> on(std::string_view name) const {
    const auto value = text(name);
    if (value.empty() || value == "true" || value == "false") return value == "true";
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is neither true nor false.", name, value),
                 "Write true or false.", Blame::operator_);
  }

 private:
  const Arguments& arguments_;
  const Context& context_;
  std::span<const OptionSpec> options_;
};

std::string docker_config_of_user(const Context& context) {
  if (const auto folder = context.getenv("DOCKER_CONFIG"); folder && !folder->empty()) return *folder + "/config.json";
  if (const auto home = context.getenv("HOME"); home && home->starts_with('/')) return *home + "/.docker/config.json";
  return {};
}

}  // namespace

std::span<const OptionSpec> image_options() noexcept { return kImages; }
std::span<const OptionSpec> registry_options() noexcept { return kRegistry; }

Result<ArtifactConfig> artifact_config(const Arguments& arguments, const Context& context) {
  const Values values(arguments, context, kImages);
  ArtifactConfig config;
  WEFT_TRY(config.allow_latest, values.on("allow-latest"));
  config.insecure_registries = values.list("allowed-insecure");
  config.ca_files = values.list("tls-ca-path");
  config.docker_config = values.text("docker-config");
  config.cache_dir = values.text("artifact-cache");
  if (const auto size = values.text("artifact-cache-size"); !size.empty()) {
    auto bytes = parse_size(size);
    if (!bytes) return at_option("artifact-cache-size", bytes.error());
    config.cache_bytes = *bytes;
  }
  WEFT_TRY(config.require_signed, values.on("require-signed"));
  config.allowed_issuers = values.list("allowed-issuer");
  RegistryLogin login{.registry = values.text("oci-registry"),
                      .user = values.text("oci-user"),
                      .password = values.text("oci-password")};
  const auto given = !login.registry.empty() + !login.user.empty() + !login.password.empty();
  if (given == 3) config.logins.push_back(std::move(login));
  if (given == 1 || given == 2) {
    return Error(Errc::invalid_argument, "'--oci-registry', '--oci-user' and '--oci-password' belong together.",
                 "Give all three, or none.", Blame::operator_);
  }
  return config;
}

Result<registry::ArtifactStoreConfig> store_config(const std::string& reference, const Arguments& arguments,
                                                   const Context& context) {
  const Values values(arguments, context, kRegistry);
  WEFT_TRY(const auto ref, wire::parse_image_ref(reference));
  WEFT_TRY(const auto image, wire::parse_oci_ref(ref.stripped));
  registry::ArtifactStoreConfig config;
  config.folder = values.text("artifact-cache");
  if (config.folder.empty()) config.folder = registry::default_cache_folder();
  config.allow_latest = arguments.flag("allow-latest");
  config.access.ca_files = values.list("tls-ca-path");
  if (arguments.flag("insecure")) config.access.insecure = {image.registry};
  if (arguments.flag("insecure-skip-tls-verify")) config.access.certificates = registry::Certificates::unchecked;
  config.access.docker_config = values.text("docker-config");
  if (config.access.docker_config.empty()) config.access.docker_config = docker_config_of_user(context);
  registry::BasicCredentials login{values.text("user"), values.text("password")};
  if (login.user.empty() != login.password.empty()) {
    return Error(Errc::invalid_argument, "'--user' and '--password' belong together.", "Give both, or neither.",
                 Blame::operator_);
  }
  if (!login.user.empty()) config.access.logins.emplace(image.registry, std::move(login));
  return config;
}

}  // namespace weft::cli
