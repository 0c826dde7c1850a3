// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a stream of frames, at once and in pieces as the first byte says: both must see the same. A frame
// that decodes must encode to the very bytes it came from.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bus/socket_frame.hpp"

namespace {

using namespace weft::bus;

void insist(bool condition) {
  if (!condition) std::abort();
}

/// The encoded frames that were read, and whether the stream was refused.
struct Story {
  std::string frames;
  bool refused = false;
};

Story read(std::string_view bytes, std::size_t step) {
  FrameReader reader;
  Story story;
  while (!bytes.empty() && !story.refused) {
    reader.feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (true) {
      const auto frame = reader.next();
      story.refused = !frame;
      if (!frame || !*frame) break;
      const auto again = encode(**frame);
      insist(again.has_value());
      story.frames += *again;
    }
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Story whole = read(bytes, bytes.size() + 1);
  const Story pieces = read(bytes, std::size_t{data[0]} + 1);
  insist(whole.frames == pieces.frames && whole.refused == pieces.refused);
  insist(bytes.starts_with(whole.frames));
  return 0;
}
