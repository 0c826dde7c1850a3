// SPDX-License-Identifier: Apache-2.0
/// What `docker login` and its like keep in config.json. Programs that keep credentials elsewhere (credHelpers,
/// credsStore) are not run.
/// Threads: plain values. Errors: malformed (blame: operator; no message holds a value), those of read_file().
/// Source: docker/cli cli/config/configfile/file.go and types/authconfig.go, version 24.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "registry/oci_auth.hpp"

namespace weft::registry {

/// By registry as references name it: "registry.example.net:5000", "docker.io".
using RegistryLogins = std::map<std::string, Credentials>;

Result<RegistryLogins> decode_docker_config(std::string_view json);
/// Nothing, and no error, when there is no such file.
Result<RegistryLogins> read_docker_config(const std::string& path);
/// "https://index.docker.io/v1/" -> "docker.io".
std::string registry_of_login(std::string_view key);

}  // namespace weft::registry
