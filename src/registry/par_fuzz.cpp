// SPDX-License-Identifier: Apache-2.0
// Any bytes as a provider archive with tight limits: nothing of it is longer than they say, and an executable that is
// extracted has the hash that was announced.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "registry/par.hpp"
#include "wire/sha256.hpp"

namespace {

using namespace weft;
using namespace weft::registry;

void insist(bool condition) {
  if (!condition) std::abort();
}

constexpr ParLimits kLimits{.max_file_bytes = 1 << 20,
                            .max_executable_bytes = 1 << 18,
                            .max_world_bytes = 1 << 16,
                            .tar = {.max_total_bytes = 1 << 20, .max_entries = 16}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FileDescriptor memory(::memfd_create("par", MFD_CLOEXEC));
  insist(::write(memory.get(), data, size) == static_cast<ssize_t>(size));
  const auto path = "/proc/self/fd/" + std::to_string(memory.get());
  const auto archive = ProviderArchive::open(path, {}, ParTrust::unverified, kLimits);
  if (!archive) return 0;
  insist(archive->world().size() <= kLimits.max_world_bytes);
  static_cast<void>(archive->check_hashes());
  for (const auto& target : archive->targets()) {
    std::uint64_t length = 0;
    wire::Sha256 hash;
    const auto read = archive->read_target(target.name, [&](std::string_view bytes) -> Result<void> {
      length += bytes.size();
      hash.update(bytes);
      return {};
    });
    insist(length <= kLimits.max_executable_bytes);
    if (read) insist(length == target.size && wire::upper_hex(hash.finish()) == target.hash);
  }
  return 0;
}
