// SPDX-License-Identifier: Apache-2.0
/// What this build is made of. The Rust half's versions come from its lock file, see CMakeLists.txt.
#include <weft/host.hpp>

#include <fmt/core.h>
#include <gnu/libc-version.h>

#include <boost/version.hpp>

#include "engine/engine.hpp"
#include "host/crate_versions.hpp"

namespace weft {

std::string_view weft_version() noexcept { return WEFT_VERSION; }

Versions library_versions() {
  Versions versions{{"wasmtime", std::string(engine::engine_version())}};
  for (const auto& crate : host::kCrateVersions) {
    versions.emplace_back(crate.name, crate.version);
  }
  versions.emplace_back(
      "boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
  versions.emplace_back("fmt",
                        fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
  versions.emplace_back("libstdc++", std::to_string(_GLIBCXX_RELEASE));
  versions.emplace_back("glibc", ::gnu_get_libc_version());
  return versions;
}

Versions compiler_versions() {
  return {{"clang", fmt::format("{}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__)},
          {"rustc", std::string(host::kRustcVersion)}};
}

}  // namespace weft
