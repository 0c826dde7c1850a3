// SPDX-License-Identifier: Apache-2.0
// Splits any bytes, however they come: the pieces they come in change nothing, no line is longer than the limit or has
// a line end in it, and what is read is told, but for line ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "supervision/line_splitter.hpp"

namespace {

std::vector<std::string> split(std::string_view bytes, std::size_t limit, std::size_t piece) {
  std::vector<std::string> lines;
  const auto note = [&](std::string_view line) {
    if (line.size() > limit || line.contains('\n')) std::abort();
    lines.emplace_back(line);
  };
  weft::supervision::LineSplitter splitter(limit);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    splitter.feed(bytes.substr(0, piece), note);
  splitter.flush(note);
  splitter.flush([](std::string_view) { std::abort(); });
  return lines;
}

std::string without_line_ends(std::string_view bytes) {
  std::string text;
  for (const char one : bytes) {
    if (one != '\n' && one != '\r') text += one;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t limit = 1 + data[0] % 64U;
  const auto lines = split(bytes, limit, bytes.size() + 1);
  if (lines != split(bytes, limit, 1 + data[1] % 16U)) std::abort();
  std::string told;
  for (const auto& line : lines) told += line;
  if (without_line_ends(told) != without_line_ends(bytes)) std::abort();
  return 0;
}
