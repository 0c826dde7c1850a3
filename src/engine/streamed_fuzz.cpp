// SPDX-License-Identifier: Apache-2.0
// Any bytes as the stream or future that a function of streams-callee reads, which the first byte chooses; the second
// says how large the pieces are in which they come. The guest traps where they are no encoding or end too early: it
// must never take them for whole then. However they are cut, the same must come of them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fuzz_support.hpp"
#include "engine/inline_caller.hpp"

namespace {

using namespace weft;
using namespace weft::engine;

/// How much a piece of a stream holds depends on when it was read, so pieces are compared by what is in them.
enum class Written : std::uint8_t { nothing, value, bytes, texts };

struct Target {
  std::string_view name;
  std::vector<std::byte> params;
  Written written;
};

/// The corpus counts on the order.
constexpr std::size_t kSum = 0;
const std::vector<Target> kTargets = {
    {"sum", {std::byte{0}}, Written::nothing},
    {"double", {std::byte{0}}, Written::value},
    {"label", {std::byte{0}}, Written::texts},
    {"echo", {std::byte{1}, std::byte{0}}, Written::bytes},
};

struct World {
  std::unique_ptr<InlineCaller> callee;
  std::vector<Function> functions;
};

World make_world() {
  auto callee = InlineCaller::create("streams-callee");
  if (!callee) give_up("no guest", callee.error());
  World world{*std::move(callee), {}};
  for (const auto& target : kTargets) {
    auto function = world.callee->find("weft:streams/pipes#" + std::string(target.name));
    if (!function) give_up(target.name, function.error());
    world.functions.push_back(*std::move(function));
  }
  return world;
}

std::uint64_t take_number(std::span<const std::byte>& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  std::abort();  // what weft itself has written is whole
}

void move_bytes(std::span<const std::byte>& from, std::uint64_t count, Bytes& to) {
  if (count > from.size()) std::abort();
  to.insert(to.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
  from = from.subspan(count);
}

/// Without what says how many elements come together.
Bytes elements_of(std::span<const std::byte> written, Written as) {
  Bytes elements;
  if (as == Written::value || as == Written::nothing) return {written.begin(), written.end()};
  while (!written.empty()) {
    auto count = take_number(written);
    if (as == Written::bytes) {
      move_bytes(written, count, elements);
      continue;
    }
    for (; count > 0; --count) {
      const auto size = take_number(written);
      elements.push_back(static_cast<std::byte>(size % 251));
      move_bytes(written, size, elements);
    }
  }
  return elements;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world = make_world();
  if (size < 2) return 0;
  const std::size_t number = data[0] % kTargets.size();
  const auto& [name, params, written] = kTargets[number];
  const std::span stream(reinterpret_cast<const std::byte*>(data + 2), size - 2);
  const auto run = [&](std::size_t which, std::size_t piece) {
    return world.callee->call(world.functions[which], kTargets[which].params, stream, piece);
  };
  const auto cut = run(number, std::size_t{1} + data[1]);
  const auto whole = run(number, size);
  mark_outcome(name, cut ? "" : cut.error().message());
  if (cut.has_value() != whole.has_value()) give_up(name, cut ? whole.error() : cut.error());
  if (!cut) return 0;
  if (cut->results != whole->results || cut->is_whole != whole->is_whole) std::abort();
  const auto elements = elements_of(cut->written, written);
  if (elements != elements_of(whole->written, written)) std::abort();
  mark_outcome(name, std::string(std::min<std::size_t>(elements.size(), 8), 'x'));
  // The stream that echo gives back is the one it was given: it is whole if another reader finds it so.
  if (written == Written::bytes && cut->is_whole != run(kSum, size).has_value()) std::abort();
  return 0;
}
