// SPDX-License-Identifier: Apache-2.0
/// A list<u8> held in a string, which is what client libraries take and give. Threads: a plain value.
#pragma once

#include <span>
#include <string>
#include <weft/value.hpp>

namespace weft::builtins {

struct ByteText {
  std::string text;
};

}  // namespace weft::builtins

template <>
struct weft::Codec<weft::builtins::ByteText> {
  static void write(ValueWriter& writer, const builtins::ByteText& value) {
    writer.write_bytes(std::as_bytes(std::span(value.text)));
  }
  static bool read(ValueReader& reader, builtins::ByteText& out) {
    std::span<const std::byte> raw;
    if (!reader.read_bytes(raw) || !reader.charge(raw.size())) return false;
    out.text.assign(reinterpret_cast<const char*>(raw.data()), raw.size());
    return true;
  }
};
