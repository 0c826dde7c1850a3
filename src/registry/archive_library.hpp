// SPDX-License-Identifier: Apache-2.0
/// What weft uses of libarchive, loaded when it is first needed (see LateLibrary). Threads: any.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <weft/result.hpp>

#include "registry/late_library.hpp"

// clang-format off: one a line
#define WEFT_ARCHIVE_FUNCTIONS(WITH) \
  WITH(archive_entry_filetype) \
  WITH(archive_entry_free) \
  WITH(archive_entry_hardlink) \
  WITH(archive_entry_new) \
  WITH(archive_entry_pathname) \
  WITH(archive_entry_set_filetype) \
  WITH(archive_entry_set_mtime) \
  WITH(archive_entry_set_pathname) \
  WITH(archive_entry_set_perm) \
  WITH(archive_entry_set_size) \
  WITH(archive_entry_size) \
  WITH(archive_entry_size_is_set) \
  WITH(archive_entry_symlink) \
  WITH(archive_error_string) \
  WITH(archive_filter_bytes) \
  WITH(archive_read_append_filter) \
  WITH(archive_read_data) \
  WITH(archive_read_free) \
  WITH(archive_read_new) \
  WITH(archive_read_next_header) \
  WITH(archive_read_open) \
  WITH(archive_read_support_format_tar) \
  WITH(archive_set_error) \
  WITH(archive_write_add_filter_gzip) \
  WITH(archive_write_close) \
  WITH(archive_write_data) \
  WITH(archive_write_free) \
  WITH(archive_write_header) \
  WITH(archive_write_new) \
  WITH(archive_write_open) \
  WITH(archive_write_set_bytes_in_last_block) \
  WITH(archive_write_set_filter_option) \
  WITH(archive_write_set_format_ustar)
// clang-format on

namespace weft::registry {

struct ArchiveLibrary : LateFunctions<ArchiveLibrary> {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define WEFT_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_ARCHIVE_FUNCTIONS(WEFT_MEMBER)
#undef WEFT_MEMBER

  static Result<ArchiveLibrary> find_all();
};

}  // namespace weft::registry
