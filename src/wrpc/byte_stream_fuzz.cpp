// SPDX-License-Identifier: Apache-2.0
// Any bytes as a stream<u8>, whole and in messages as the first byte says. Oracle: the same bytes and the same end
// whatever the cuts, through the decoder and through the inbox of a body; and no more kept than may be.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "wire/byte_stream.hpp"
#include "wrpc/body_inbox.hpp"
#include "wrpc/http_values.hpp"

namespace {

using namespace weft;
using namespace weft::wrpc;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Read {
  std::string data;
  bool failed = false;
  bool over = false;
  bool may_end = false;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view stream, std::size_t step) {
  Read out;
  wire::ByteStreamDecoder decoder;
  for (std::size_t at = 0; at < stream.size() && !out.failed; at += step) {
    auto message = stream.substr(at, step);
    for (bool more = true; more;) {
      const auto before = message.size();
      const auto next = decoder.next(message);
      require(message.size() <= before);
      require(next.kind == wire::ByteStreamDecoder::Kind::data ? !next.data.empty() : next.data.empty());
      require(next.kind != wire::ByteStreamDecoder::Kind::end || !std::exchange(out.over, true));
      out.data += next.data;
      out.failed = next.kind == wire::ByteStreamDecoder::Kind::fault;
      more = next.kind != wire::ByteStreamDecoder::Kind::more && !out.failed;
      require(next.kind != wire::ByteStreamDecoder::Kind::more || message.empty());
    }
  }
  require(out.over == decoder.is_over());
  out.may_end = decoder.may_end();
  return out;
}

void try_inbox(std::string_view stream, std::size_t step, const Read& expected) {
  constexpr std::size_t kMost = 64;
  BodyInbox inbox(std::make_shared<BacklogRoom>(BacklogLimits{.each = kMost / 2, .shared = kMost - kMost / 2}));
  std::string data;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    inbox.receive(stream.substr(at, step));
    require(inbox.buffered() <= kMost);
    if (step <= kMost) data += inbox.take();
  }
  inbox.receive("");
  inbox.set_trailers({});
  data += inbox.take();
  require(expected.data.starts_with(data));
  require(inbox.is_whole() != inbox.is_broken());
  if (step <= kMost) {
    require(data == expected.data && inbox.is_whole() == (!expected.failed && expected.may_end));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read(stream, std::max<std::size_t>(stream.size(), 1));
  const std::size_t step = std::max<std::size_t>(data[0], 1);
  require(read(stream, step) == whole);
  require(read(stream, 1) == whole);
  try_inbox(stream, step, whole);
  // What was read is the same stream in other chunks.
  std::string again;
  for (std::size_t at = 0; at < whole.data.size(); at += step) {
    again += wire::encode_chunk(std::as_bytes(std::span(std::string_view(whole.data).substr(at, step))));
  }
  again += wire::kStreamEnd;
  const Read second = read(again, again.size());
  require(second.data == whole.data && second.over);
  return 0;
}
