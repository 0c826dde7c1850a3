// SPDX-License-Identifier: Apache-2.0
#include "registry/tar_writer.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <optional>

#include "base/unique_handle.hpp"
#include "registry/archive_library.hpp"

namespace weft::registry {
namespace {

const ArchiveLibrary& archives() { return ArchiveLibrary::loaded(); }
void free_writing(archive* writing) noexcept { archives().archive_write_free(writing); }
void free_entry(archive_entry* entry) noexcept { archives().archive_entry_free(entry); }

using Writing = base::UniqueHandle<archive, &free_writing>;
using Entry = base::UniqueHandle<archive_entry, &free_entry>;

}  // namespace

struct TarWriter::State {
  NewFile* file = nullptr;
  std::optional<Error> fault;  ///< what the file said; libarchive knows only that something failed
  std::string name;
  std::uint64_t left = 0;
  Writing writing;  // freeing it writes what is left, through the members above

  static la_ssize_t on_write(archive* writing, void* data, const void* bytes, std::size_t size) noexcept {
    auto& self = *static_cast<State*>(data);
    if (!self.fault) {
      if (auto written = self.file->write({static_cast<const char*>(bytes), size}); !written) {
        self.fault = std::move(written).error();
      }
    }
    if (!self.fault) return static_cast<la_ssize_t>(size);
    archives().archive_set_error(writing, EIO, "the file cannot be written");
    return ARCHIVE_FATAL;
  }

  [[nodiscard]] Error error() const {
    if (fault) return *fault;
    const char* const text = archives().archive_error_string(writing.get());
    return {Errc::io, fmt::format("cannot write the archive: {}", text == nullptr ? "unknown fault" : text)};
  }

  [[nodiscard]] Result<void> check_complete() const {
    if (left == 0) return {};
    return Error(Errc::invalid_argument, fmt::format("'{}' is shorter than was announced", name));
  }
};

TarWriter::TarWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarWriter::TarWriter(TarWriter&&) noexcept = default;
TarWriter& TarWriter::operator=(TarWriter&&) noexcept = default;
TarWriter::~TarWriter() = default;

Result<TarWriter> TarWriter::create(NewFile& file, TarPacking packing) {
  WEFT_CHECK(ArchiveLibrary::load());
  auto state = std::make_unique<State>();
  state->file = &file;
  state->writing = Writing::adopt(archives().archive_write_new());
  auto* const writing = state->writing.get();
  if (writing == nullptr) return Error(Errc::resource_exhausted, "no memory to write an archive");
  int status = archives().archive_write_set_format_ustar(writing);
  if (status == ARCHIVE_OK && packing == TarPacking::gzip) {
    status = archives().archive_write_add_filter_gzip(writing);
    // Else the time of packing is in the file's first bytes.
    if (status == ARCHIVE_OK)
      status = archives().archive_write_set_filter_option(writing, "gzip", "timestamp", nullptr);
  }
  // Else the file is filled up with zeros, for tapes, and those come after the gzip's end.
  if (status == ARCHIVE_OK) status = archives().archive_write_set_bytes_in_last_block(writing, 1);
  if (status == ARCHIVE_OK)
    status = archives().archive_write_open(writing, state.get(), nullptr, &State::on_write, nullptr);
  if (status != ARCHIVE_OK) return state->error();
  return TarWriter(std::move(state));
}

Result<void> TarWriter::begin(const std::string& name, std::uint64_t size, mode_t mode) {
  WEFT_CHECK(state_->check_complete());
  const auto entry = Entry::adopt(archives().archive_entry_new());
  if (!entry) return Error(Errc::resource_exhausted, "no memory to write an archive");
  archives().archive_entry_set_pathname(entry.get(), name.c_str());
  archives().archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archives().archive_entry_set_filetype(entry.get(), AE_IFREG);
  archives().archive_entry_set_perm(entry.get(), mode);
  archives().archive_entry_set_mtime(entry.get(), 0, 0);
  if (archives().archive_write_header(state_->writing.get(), entry.get()) != ARCHIVE_OK) return state_->error();
  state_->name = name;
  state_->left = size;
  return {};
}

Result<void> TarWriter::write(std::string_view bytes) {
  if (bytes.size() > state_->left) {
    return Error(Errc::invalid_argument, fmt::format("'{}' is longer than was announced", state_->name));
  }
  while (!bytes.empty()) {
    const auto count = archives().archive_write_data(state_->writing.get(), bytes.data(), bytes.size());
    if (count <= 0) return state_->error();
    bytes.remove_prefix(static_cast<std::size_t>(count));
    state_->left -= static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> TarWriter::finish() {
  WEFT_CHECK(state_->check_complete());
  if (archives().archive_write_close(state_->writing.get()) != ARCHIVE_OK) return state_->error();
  return {};
}

}  // namespace weft::registry
