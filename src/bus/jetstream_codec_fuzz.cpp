// SPDX-License-Identifier: Apache-2.0
// What a server can send: answers of the API, reply subjects of deliveries. Oracle: what decodes keeps its limits, and
// a position is found again in the subject made of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bus/jetstream_codec.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::bus;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(decode_stream(text));
  static_cast<void>(decode_done(text));
  if (const auto consumer = decode_consumer(text)) {
    require(!(*consumer).name.empty());
  }
  if (const auto revision = decode_write(text)) {
    require(*revision > 0);
  }
  if (const auto position = parse_position(text)) {
    const auto again = parse_position("$JS.ACK.s.c.1." + std::to_string(position->revision) + '.' +
                                      std::to_string(position->delivery) + ".0." + std::to_string(position->pending));
    require(again && again->revision == position->revision && again->delivery == position->delivery &&
            again->pending == position->pending);
  }
  static_cast<void>(check_bucket(text));
  return 0;
}
