// SPDX-License-Identifier: Apache-2.0
// Any bytes through every decoder between hosts and providers.
#include "wire/host_data.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/round_trip_fuzz.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

void line(std::string_view text) { round_trip(text, read_host_data_line, host_data_line); }

constexpr auto kDecoders = std::to_array<Decoder>({
    &plain<decode_host_data>,
    &plain<decode_link_definition>,
    &plain<decode_health_reply>,
    &plain<decode_shutdown_request>,
    &plain<decode_secret_map>,
    &line,
});

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return decode_any(kDecoders, data, size);
}
