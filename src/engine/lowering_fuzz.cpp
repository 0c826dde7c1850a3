// SPDX-License-Identifier: Apache-2.0
// Any bytes as the encoded parameters of a function of values-callee, which the first byte chooses. The transcoder may
// refuse them as malformed and the guest may trap; anything else that goes wrong is ours. What the guest gives back
// must be what it takes again, unchanged, and wasmtime's own reading of the bytes must agree that they are an encoding.
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

/// The corpus counts on the order: new ones go to the end. Those of `echo` whose names begin with echo- give back what
/// they are given.
constexpr std::string_view kFunctions[] = {
    "echo#nothing",
    "echo#echo-bool",
    "echo#echo-u8",
    "echo#echo-s8",
    "echo#echo-u16",
    "echo#echo-s16",
    "echo#echo-u32",
    "echo#echo-s32",
    "echo#echo-u64",
    "echo#echo-s64",
    "echo#echo-f32",
    "echo#echo-f64",
    "echo#echo-char",
    "echo#echo-string",
    "echo#echo-list-bool",
    "echo#echo-list-u8",
    "echo#echo-list-s16",
    "echo#echo-list-u32",
    "echo#echo-list-s64",
    "echo#echo-list-f32",
    "echo#echo-list-f64",
    "echo#echo-list-char",
    "echo#echo-list-string",
    "echo#echo-list-list-string",
    "echo#echo-list-point",
    "echo#echo-list-empty-tail",
    "echo#echo-list-shape",
    "echo#echo-list-color",
    "echo#echo-list-nine",
    "echo#echo-list-option-u64",
    "echo#echo-list-result",
    "echo#echo-list-tuple",
    "echo#echo-list-everything",
    "echo#echo-empty-tail",
    "echo#echo-everything",
    "echo#echo-shape",
    "echo#echo-color",
    "echo#echo-rights",
    "echo#echo-nine",
    "echo#echo-twenty",
    "echo#echo-thirty-two",
    "echo#echo-tuple1",
    "echo#echo-nested-tuple",
    "echo#echo-option-option-u8",
    "echo#echo-option-point",
    "echo#echo-result-both",
    "echo#echo-result-none",
    "echo#echo-result-float",
    "echo#sum17",
    "echo#sum16",
    "echo#join-many",
    "echo#divide",
    "counters#pass",
    "counters#consume",
    "counters#total",
    "counters#make",
    "counters#maybe",
    "counters#[constructor]counter",
    "counters#[static]counter.parse",
    "counters#[method]counter.add",
};

struct Target {
  std::string_view name;
  Function function;
};

struct World {
  std::unique_ptr<InlineCaller> callee;
  std::vector<Target> targets;
};

World make_world() {
  auto callee = InlineCaller::create("values-callee");
  if (!callee) give_up("no guest", callee.error());
  World world{*std::move(callee), {}};
  for (const auto name : kFunctions) {
    auto function = world.callee->find("weft:values/" + std::string(name));
    if (!function) give_up(name, function.error());
    world.targets.push_back({name, *std::move(function)});
  }
  return world;
}

/// The guest keeps all rules, so a failure of it that is no trap of its code is a lowering that went wrong.
bool is_expected(const Error& error) {
  return error.code() == Errc::malformed ||
         (error.code() == Errc::trap && error.message().starts_with("the guest trapped: "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world = make_world();
  if (size < 1) return 0;
  const auto& [name, function] = world.targets[data[0] % world.targets.size()];
  const std::span params(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const auto answer = world.callee->call(function, params);
  if (!answer && !is_expected(answer.error())) give_up(name, answer.error());
  mark_outcome(name, answer ? "" : answer.error().message());
  if (!name.starts_with("echo#echo-")) return 0;
  // Its results have the type of its parameters.
  const auto read = function.decode(params, ValueFormat::wave);
  if (answer && !read) give_up("an encoding for us and none for wasmtime", read.error());
  if (!answer) {
    if (answer.error().code() == Errc::malformed && read) give_up("none for us and one for wasmtime", answer.error());
    return 0;
  }
  mark(name, *read);
  const auto again = world.callee->call(function, *answer);
  if (!again) give_up("what was given back is not taken", again.error());
  if (*again != *answer) std::abort();
  return 0;
}
