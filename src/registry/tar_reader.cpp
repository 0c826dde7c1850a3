// SPDX-License-Identifier: Apache-2.0
#include "registry/tar_reader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/unique_handle.hpp"
#include "registry/archive_library.hpp"

namespace weft::registry {
namespace {

const ArchiveLibrary& archives() { return ArchiveLibrary::loaded(); }
void free_reading(archive* reading) noexcept { archives().archive_read_free(reading); }

using Reading = base::UniqueHandle<archive, &free_reading>;
constexpr std::size_t kBlockBytes = std::size_t{128} * 1024;
constexpr std::array<unsigned char, 2> kGzipMagic{0x1f, 0x8b};

Error malformed(std::string message) {
  return {Errc::malformed, std::move(message), "fetch or build the archive again", Blame::peer};
}

/// What libarchive says of itself may quote the archive's bytes; only its printable part is passed on.
std::string reason_of(archive* reading) {
  const char* const text = archives().archive_error_string(reading);
  std::string out;
  for (const char c : std::string_view(text == nullptr ? "unknown fault" : text).substr(0, 200)) {
    out += c >= ' ' && c < 0x7f ? c : '?';
  }
  return out;
}

/// Names are never used as paths here, but one that tries to leave shows what the archive is for.
bool is_inside(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

struct TarReader::State {
  int descriptor = -1;
  TarLimits limits;
  std::int64_t position = 0;
  std::array<char, kBlockBytes> block{};
  std::size_t entries = 0;
  std::uint64_t declared = 0;  ///< sum of the sizes of all entries so far
  std::uint64_t left = 0;      ///< of the current entry
  Reading reading;             // ends before what its callbacks use

  static la_ssize_t on_read(archive* reading, void* data, const void** buffer) noexcept {
    auto& self = *static_cast<State*>(data);
    for (;;) {
      const auto count = ::pread(self.descriptor, self.block.data(), self.block.size(), self.position);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        archives().archive_set_error(reading, errno, "the file cannot be read");
        return ARCHIVE_FATAL;
      }
      self.position += count;
      *buffer = self.block.data();
      return count;
    }
  }

  [[nodiscard]] Error too_long() const {
    return {Errc::resource_exhausted,
            fmt::format("the archive unpacks to more than the {} bytes that are allowed", limits.max_total_bytes),
            {},
            Blame::peer};
  }

  /// Before anything of the entry is read or skipped.
  Result<void> admit(std::uint64_t size) {
    if (++entries > limits.max_entries) {
      return Error(Errc::resource_exhausted, fmt::format("the archive has more than {} entries", limits.max_entries),
                   {}, Blame::peer);
    }
    if (size > limits.max_total_bytes - declared) return too_long();
    declared += size;
    // What lies between the entries counts too: headers, names, padding.
    const auto unpacked = archives().archive_filter_bytes(reading.get(), 0);
    if (unpacked > 0 && static_cast<std::uint64_t>(unpacked) > limits.max_total_bytes) return too_long();
    return {};
  }
};

TarReader::TarReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

Result<TarReader> TarReader::open(int descriptor, const TarLimits& limits) {
  WEFT_CHECK(ArchiveLibrary::load());
  auto state = std::make_unique<State>();
  state->descriptor = descriptor;
  state->limits = limits;
  state->reading = Reading::adopt(archives().archive_read_new());
  auto* const reading = state->reading.get();
  if (reading == nullptr) return Error(Errc::resource_exhausted, "no memory to read an archive");

  std::array<unsigned char, 2> magic{};
  if (::pread(descriptor, magic.data(), magic.size(), 0) != static_cast<ssize_t>(magic.size())) {
    return malformed("the file is too short for a provider archive");
  }
  // At most this one layer: found filters would be tried on their own output again, gzip in gzip in gzip.
  int status = ARCHIVE_OK;
  if (magic == kGzipMagic) status = archives().archive_read_append_filter(reading, ARCHIVE_FILTER_GZIP);
  if (status == ARCHIVE_OK) status = archives().archive_read_support_format_tar(reading);
  if (status == ARCHIVE_OK)
    status = archives().archive_read_open(reading, state.get(), nullptr, &State::on_read, nullptr);
  if (status != ARCHIVE_OK) return malformed("this is no tar file: " + reason_of(reading));
  return TarReader(std::move(state));
}

Result<std::optional<TarEntry>> TarReader::next() {
  auto* const reading = state_->reading.get();
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archives().archive_read_next_header(reading, &entry);
    if (status == ARCHIVE_EOF) return std::optional<TarEntry>();
    // A warning is about an attribute that cannot be expressed here, such as a user's name.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
      return malformed("the archive is damaged: " + reason_of(reading));
    const auto declared = archives().archive_entry_size_is_set(entry) != 0 ? archives().archive_entry_size(entry) : 0;
    if (declared < 0) return malformed("the archive is damaged: an entry has a negative size");
    WEFT_CHECK(state_->admit(static_cast<std::uint64_t>(declared)));
    state_->left = static_cast<std::uint64_t>(declared);

    const char* const name = archives().archive_entry_pathname(entry);
    if (name == nullptr || !is_inside(name)) return malformed("the archive has a name that leads outside of it");
    if (archives().archive_entry_hardlink(entry) != nullptr || archives().archive_entry_symlink(entry) != nullptr) {
      return Error(Errc::unsupported, "the archive has a link inside, which no provider archive has", {}, Blame::peer);
    }
    const auto type = archives().archive_entry_filetype(entry);
    if (type == AE_IFDIR) continue;
    if (type != AE_IFREG) {
      return Error(Errc::unsupported, "the archive has something inside that is no file", {}, Blame::peer);
    }
    return std::optional(TarEntry{name, state_->left});
  }
}

Result<std::size_t> TarReader::read(std::span<char> buffer) {
  auto* const reading = state_->reading.get();
  const auto count = archives().archive_read_data(reading, buffer.data(), buffer.size());
  if (count < 0) return malformed("the archive is damaged: " + reason_of(reading));
  const auto size = static_cast<std::size_t>(count);
  // A hole in a sparse file may reach further than the header said.
  if (size > state_->left) return malformed("an entry of the archive is longer than its header says");
  if (size == 0 && state_->left != 0) return malformed("an entry of the archive is shorter than its header says");
  state_->left -= size;
  return size;
}

}  // namespace weft::registry
