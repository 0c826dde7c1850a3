// SPDX-License-Identifier: Apache-2.0
#include "wire/friendly_name.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace weft::wire {
namespace {

constexpr std::array<std::string_view, 64> kAdjectives = {
    "able",   "amber",  "ample",  "bold",    "brave",  "brief",  "bright", "broad",  "calm",  "careful", "clear",
    "clever", "cosy",   "crisp",  "curious", "deep",   "eager",  "early",  "easy",   "even",  "fair",    "fine",
    "firm",   "fond",   "fresh",  "gentle",  "glad",   "golden", "grand",  "green",  "happy", "honest",  "humble",
    "keen",   "kind",   "large",  "light",   "lively", "loyal",  "lucky",  "mellow", "merry", "mild",    "modest",
    "neat",   "nimble", "noble",  "patient", "plain",  "polite", "proud",  "quick",  "quiet", "ready",   "round",
    "silver", "small",  "smooth", "steady",  "sunny",  "swift",  "tidy",   "warm",   "wise"};
constexpr std::array<std::string_view, 64> kNouns = {
    "acorn",  "anchor",  "apple",   "arch",   "basin",   "bay",    "beacon", "birch",   "bobbin", "breeze", "bridge",
    "brook",  "canal",   "cedar",   "cliff",  "cloud",   "clover", "comet",  "coral",   "cove",   "delta",  "dune",
    "falcon", "fern",    "field",   "fjord",  "forest",  "garden", "glade",  "grove",   "harbor", "heath",  "heron",
    "hill",   "island",  "lagoon",  "lake",   "lantern", "linen",  "loom",   "maple",   "marsh",  "meadow", "mill",
    "moss",   "oak",     "orchard", "otter",  "pebble",  "pine",   "pond",   "prairie", "reed",   "ridge",  "river",
    "robin",  "shuttle", "spindle", "spring", "spruce",  "thread", "valley", "willow",  "wren"};

}  // namespace

std::string friendly_name(std::uint64_t random) {
  constexpr std::uint64_t numbers = 10'000;
  const auto adjective = kAdjectives.at(random % kAdjectives.size());
  random /= kAdjectives.size();
  const auto noun = kNouns.at(random % kNouns.size());
  random /= kNouns.size();
  return fmt::format("{}-{}-{:04}", adjective, noun, random % numbers);
}

}  // namespace weft::wire
