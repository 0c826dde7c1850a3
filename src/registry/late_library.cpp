// SPDX-License-Identifier: Apache-2.0
#include "registry/late_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>

namespace weft::registry {
namespace {

Error unusable(const std::string& file, const std::string& package) {
  const char* const why = ::dlerror();
  return {Errc::unavailable, fmt::format("{} cannot be used: {}", file, why == nullptr ? "unknown fault" : why),
          fmt::format("install it; on Debian: apt-get install {}", package), Blame::environment};
}

}  // namespace

Result<LateLibrary> LateLibrary::load(std::string file, std::string package) {
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return unusable(file, package);
  return LateLibrary(handle, std::move(file), std::move(package));
}

Result<void*> LateLibrary::address_of(const char* name) const {
  void* const address = ::dlsym(handle_, name);
  if (address == nullptr) return unusable(file_, package_);
  return address;
}

}  // namespace weft::registry
