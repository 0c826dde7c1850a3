// SPDX-License-Identifier: Apache-2.0
#include "host/identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "host/entropy.hpp"
#include "wire/friendly_name.hpp"
#include "wire/nkey.hpp"
#include "wire/uptime.hpp"

namespace weft::host {
namespace {

#if defined(__x86_64__)
constexpr const char* kArch = "x86_64";
#elif defined(__aarch64__)
constexpr const char* kArch = "aarch64";
#elif defined(__riscv)
constexpr const char* kArch = "riscv64";
#else
constexpr const char* kArch = "unknown";
#endif

wire::StringMap automatic_labels() {
  return {{"hostcore.arch", kArch}, {"hostcore.os", "linux"}, {"hostcore.osfamily", "unix"}};
}

/// Written to a new file that only its owner may read, and renamed: a half-written seed never has the name.
Result<void> keep_seed(const std::string& path, const std::string& seed) {
  const auto fresh = path + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error(Errc::io, fmt::format("cannot write {}: {}", fresh, std::strerror(errno)), "check the data folder",
                 Blame::environment);
  }
  const bool written =
      ::write(file, seed.data(), seed.size()) == static_cast<ssize_t>(seed.size()) && ::fsync(file) == 0;
  const int fault = errno;
  ::close(file);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return Error(Errc::io,
                 fmt::format("cannot keep the host's key in {}: {}", path, std::strerror(written ? errno : fault)),
                 "check the data folder", Blame::environment);
  }
  return {};
}

wire::KeyPair new_key() { return wire::KeyPair::from_entropy(wire::KeyKind::server, entropy<32>()); }

Result<wire::KeyPair> kept_key(const std::string& data_dir) {
  const auto path = data_dir + "/host.seed";
  std::ifstream file(path);
  std::string seed;
  if (file && std::getline(file, seed)) {
    auto key = wire::KeyPair::from_seed(seed, wire::KeyKind::server);
    if (!key) {
      return Error(Errc::malformed, fmt::format("{} does not hold a host's key", path),
                   "put the right file back, or remove it to become a new host", Blame::environment);
    }
    return key;
  }
  auto key = new_key();
  WEFT_CHECK(keep_seed(path, key.seed() + "\n"));
  return key;
}

Result<wire::KeyPair> find_key(const std::string& seed, const std::string& data_dir) {
  if (!seed.empty()) {
    return wire::KeyPair::from_seed(seed, wire::KeyKind::server);
  }
  if (!data_dir.empty()) {
    return kept_key(data_dir);
  }
  return new_key();
}

}  // namespace

Result<Identity> Identity::create(const std::string& seed, const std::string& data_dir, wire::StringMap labels) {
  WEFT_TRY(const auto key, find_key(seed, data_dir));
  Identity identity;
  identity.id_ = key.public_text();
  identity.friendly_name_ = wire::friendly_name(std::bit_cast<std::uint64_t>(entropy<8>()));
  identity.labels_ = std::move(labels);
  identity.labels_.merge(automatic_labels());  // what is there already wins
  return identity;
}

std::uint64_t Identity::uptime_seconds() const {
  const auto age = std::chrono::steady_clock::now() - started_;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count());
}

std::string Identity::uptime_text() const { return wire::uptime_text(uptime_seconds()); }

}  // namespace weft::host
