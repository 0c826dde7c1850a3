// SPDX-License-Identifier: Apache-2.0
// What a server can have stored as an object: its information and the subject of it. Oracle: what decodes is the same
// after it was encoded, its nuid is one token, and a name is found again in the subject made of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builtins/blobstore-nats/object_info.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::builtins::blobstore_nats;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto subjects = ObjectSubjects::make("box");
  require(subjects.has_value());
  if (const auto info = decode_object_info(text)) {
    require(info->nuid.find_first_of(".*> ") == std::string::npos);
    if (info->link.empty()) {
      const auto again = decode_object_info(encode_object_info(*info, "box", kChunkBytes));
      require(again && again->nuid == info->nuid && again->size == info->size && again->chunks == info->chunks &&
              again->is_deleted == info->is_deleted);
    }
  }
  if (const auto name = subjects->name_of(text)) {
    require(!name->empty() && subjects->info(*name) == text);
  }
  if (const auto again = subjects->name_of(subjects->info(text))) require(*again == text);
  static_cast<void>(is_digest(text, text));
  static_cast<void>(unix_seconds(text));
  return 0;
}
