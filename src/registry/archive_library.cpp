// SPDX-License-Identifier: Apache-2.0
#include "registry/archive_library.hpp"

namespace weft::registry {

Result<ArchiveLibrary> ArchiveLibrary::find_all() {
  WEFT_TRY(const auto library, LateLibrary::load("libarchive.so.13", "libarchive13"));
  ArchiveLibrary functions;
#define WEFT_FIND(name) WEFT_CHECK(library.find(#name, functions.name));
  WEFT_ARCHIVE_FUNCTIONS(WEFT_FIND)
#undef WEFT_FIND
  return functions;
}

}  // namespace weft::registry
