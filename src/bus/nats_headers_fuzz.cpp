// SPDX-License-Identifier: Apache-2.0
// Header blocks. Oracle: what is read, written again and read again is the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bus/nats_headers.hpp"
#include "bus/nats_options.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::bus;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(parse_credentials(text));
  const auto headers = parse_headers(text);
  if (!headers) {
    return 0;
  }
  std::string block = "NATS/1.0\r\n";
  for (const auto& header : *headers) block += header.name + ": " + header.value + "\r\n";
  const auto again = parse_headers(block + "\r\n");
  require(again && again->size() == headers->size());
  for (std::size_t i = 0; i < headers->size(); ++i) {
    require((*again)[i].name == (*headers)[i].name && (*again)[i].value == (*headers)[i].value);
  }
  return 0;
}
