// SPDX-License-Identifier: Apache-2.0
/// Claims as people and programs read them. What they say comes from files and is made printable.
/// Threads: pure functions.
#pragma once

#include "registry/par.hpp"
#include "wire/claims.hpp"

#include <weft/result.hpp>

#include <string>

namespace weft::cli {

/// `valid`: what verification said.
std::string claims_text(const wire::ComponentClaims& claims, const Result<void>& valid);
std::string claims_json(const wire::ComponentClaims& claims, const Result<void>& valid);
std::string archive_text(const registry::ProviderArchive& archive, const Result<void>& valid);
std::string archive_json(const registry::ProviderArchive& archive, const Result<void>& valid);

}  // namespace weft::cli
