// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore/store.hpp"

#include <utility>

namespace weft::builtins::blobstore {

Outcome<void> Store::copy_object(const ObjectId& from, const ObjectId& to) {
  auto reader = read_object(from, 0, UINT64_MAX);
  if (!reader) return std::unexpected(std::move(reader).error());
  auto writer = write_object(to);
  if (!writer) return std::unexpected(std::move(writer).error());
  while (true) {
    const auto bytes = (*reader)->read();
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->empty()) return (*writer)->commit();
    if (auto written = (*writer)->write(*bytes); !written) return written;
  }
}

}  // namespace weft::builtins::blobstore
