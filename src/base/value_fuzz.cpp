// SPDX-License-Identifier: Apache-2.0
// Any bytes as a value of a type that the first byte chooses. What is read must be written as bytes that are read as
// the same and written as the same again: the encoding of a value is one, though several forms may be read.
#include <cstdint>
#include <cstdlib>
#include <weft/value.hpp>

#include "base/value_samples.hpp"

namespace {

using namespace weft;

constexpr std::size_t kMaxDecoded = std::size_t{4} << 20;

template <class T>
void check(std::span<const std::byte> bytes) {
  const auto value = decode<T>(bytes, kMaxDecoded);
  if (!value) return;
  const auto once = encode(*value);
  if (!once) std::abort();
  const auto again = decode<T>(*once, kMaxDecoded);
  if (!again) std::abort();
  const auto twice = encode(*again);
  if (!twice || *twice != *once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (*data % 12) {
    case 0:
      check<samples::Everything>(bytes);
      break;
    case 1:
      check<std::vector<samples::Shape>>(bytes);
      break;
    case 2:
      check<std::vector<std::int16_t>>(bytes);
      break;
    case 3:
      check<std::vector<std::int32_t>>(bytes);
      break;
    case 4:
      check<std::vector<std::int64_t>>(bytes);
      break;
    case 5:
      check<std::vector<std::uint64_t>>(bytes);
      break;
    case 6:
      check<std::vector<char32_t>>(bytes);
      break;
    case 7:
      check<std::vector<std::string>>(bytes);
      break;
    case 8:
      check<std::vector<std::monostate>>(bytes);
      break;
    case 9:
      check<std::vector<std::pair<std::string, std::optional<std::vector<std::byte>>>>>(bytes);
      break;
    case 10:
      check<std::vector<samples::Rights>>(bytes);
      break;
    default:
      check<std::tuple<std::string_view, std::uint64_t, std::span<const std::byte>>>(bytes);
      break;
  }
  return 0;
}
