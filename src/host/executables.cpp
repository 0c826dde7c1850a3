// SPDX-License-Identifier: Apache-2.0
#include "host/executables.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "registry/file.hpp"
#include "registry/par.hpp"

namespace weft::host {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxProgramBytes = std::uint64_t{1} * 1024 * 1024 * 1024;
constexpr mode_t kMode = 0700;
/// A host begins with an empty folder.
constexpr auto kLasting = registry::Lasting::while_running;

/// Of the system's format, or a script.
bool is_program(std::string_view head) {
  return head.starts_with(
             "\x7f"
             "ELF") ||
         head.starts_with("#!");
}

/// Up to a full buffer; less at the end only.
Result<std::size_t> read_some(const registry::OpenFile& file, std::span<char> buffer, const std::string& path) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(file.descriptor.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return registry::file_error("read", path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

Result<void> copy_program(const registry::OpenFile& file, const std::string& from, const std::string& to) {
  WEFT_TRY(auto copy, registry::NewFile::create(to));
  if (::lseek(file.descriptor.get(), 0, SEEK_SET) < 0) return registry::file_error("read", from, errno);
  std::array<char, 65'536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  while (true) {
    WEFT_TRY(const auto size, read_some(file, buffer, from));
    if (size == 0) break;
    WEFT_CHECK(copy.write({buffer.data(), size}));
  }
  return copy.commit(kMode, kLasting);
}

/// Nobody has signed a bare program.
Result<void> check_bare(const registry::ClaimsPolicy& policy, const std::string& from) {
  if (!policy.require_signed && policy.allowed_issuers.empty()) return {};
  return Error(Errc::permission_denied,
               fmt::format("{} is a bare program, and this host runs only what is signed", from),
               "put it into a provider archive: weft par create", Blame::operator_);
}

Result<Executable> provide_file(const std::string& from, const std::string& to, const registry::ClaimsPolicy& policy,
                                const std::string& reference) {
  WEFT_TRY(const auto file, registry::open_regular_file(from, kMaxProgramBytes));
  std::array<char, 4> head{};
  WEFT_TRY(const auto size, read_some(file, head, from));
  if (is_program({head.data(), size})) {
    WEFT_CHECK(check_bare(policy, from));
    WEFT_CHECK(copy_program(file, from, to));
    return Executable{.path = to, .claims = {}};
  }
  const auto archive = registry::ProviderArchive::open(from, std::chrono::system_clock::now());
  if (!archive) {
    if (archive.error().code() != Errc::malformed) return archive.error();
    return Error(Errc::malformed,
                 fmt::format("{} is neither a provider archive nor a program: {}", from, archive.error().message()),
                 archive.error().hint(), Blame::operator_);
  }
  WEFT_CHECK(policy.check(archive->claims(), reference));
  WEFT_CHECK(archive->extract(registry::own_target(), to, kLasting));
  return Executable{.path = to, .claims = archive->claims()};
}

}  // namespace

Executables::~Executables() {
  if (temporary_) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
}

Result<Executable> Executables::provide(const wire::ImageRef& ref, const std::string& provider_id) {
  WEFT_TRY(const auto artifact, store_.fetch(ref.text, registry::ArtifactKind::provider));
  WEFT_TRY(const auto into, folder());
  return provide_file(artifact.path, into + "/" + provider_id, store_.policy(), ref.text);
}

Result<std::string> Executables::folder() {
  const std::lock_guard lock(mutex_);
  std::error_code failed;
  if (folder_.empty()) {
    auto made = (fs::temp_directory_path(failed) / "weft-XXXXXX").string();
    if (failed || ::mkdtemp(made.data()) == nullptr) {
      return registry::file_error("make", made, failed ? failed.value() : errno);
    }
    folder_ = std::move(made);
    temporary_ = true;
  } else if (fs::create_directories(folder_, failed)) {
    fs::permissions(folder_, fs::perms::owner_all, failed);
  }
  if (failed) return registry::file_error("make", folder_, failed.value());
  return folder_;
}

void Executables::remove(const std::string& provider_id) noexcept {
  const std::lock_guard lock(mutex_);
  if (!folder_.empty()) static_cast<void>(::unlink((folder_ + "/" + provider_id).c_str()));
}

void Executables::clear() noexcept {
  const std::lock_guard lock(mutex_);
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace weft::host
