// SPDX-License-Identifier: Apache-2.0
// Any bytes as a sequence of calls of the keyvalue provider in memory: one byte chooses the function, one says how long
// its parameters are. The provider may refuse parameters as malformed; what it answers must be an encoding of the
// function's result that is written again as it came, no limit is passed, and nothing is an internal error.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <tuple>

#include "async/shard.hpp"
#include "builtins/builtin_target.hpp"
#include "builtins/keyvalue/keyvalue.hpp"
#include "builtins/keyvalue/types.hpp"

namespace {

using namespace weft;
using namespace weft::builtins;
using keyvalue::Outcome;

using Bytes = std::vector<std::byte>;
using Page = std::tuple<std::vector<std::string>, std::optional<std::uint64_t>>;
using Many = std::vector<std::optional<std::tuple<std::string, Bytes>>>;
constexpr std::size_t kMaxKeys = 20;

template <class T>
void check(std::span<const std::byte> results) {
  const auto value = decode<T>(results);
  if (!value || *encode(*value) != Bytes(results.begin(), results.end())) std::abort();
  if constexpr (std::is_same_v<T, Outcome<Page>>) {
    if (*value && std::get<0>(**value).size() > kMaxKeys) std::abort();
  }
}

struct Function {
  std::string_view interface;
  std::string_view name;
  void (*check)(std::span<const std::byte>);
};
constexpr std::array<Function, 9> kFunctions = {{
    {"wrpc:keyvalue/store@0.2.0-draft", "get", &check<Outcome<std::optional<Bytes>>>},
    {"wrpc:keyvalue/store@0.2.0-draft", "set", &check<Outcome<void>>},
    {"wrpc:keyvalue/store@0.2.0-draft", "delete", &check<Outcome<void>>},
    {"wrpc:keyvalue/store@0.2.0-draft", "exists", &check<Outcome<bool>>},
    {"wrpc:keyvalue/store@0.2.0-draft", "list-keys", &check<Outcome<Page>>},
    {"wrpc:keyvalue/atomics@0.2.0-draft", "increment", &check<Outcome<std::uint64_t>>},
    {"wrpc:keyvalue/batch@0.2.0-draft", "get-many", &check<Outcome<Many>>},
    {"wrpc:keyvalue/batch@0.2.0-draft", "set-many", &check<Outcome<void>>},
    {"wrpc:keyvalue/batch@0.2.0-draft", "delete-many", &check<Outcome<void>>},
}};

class Handler final : public dispatch::CallHandler {
 public:
  explicit Handler(const Function& function) : function_(function) {}
  void on_results(std::span<const std::byte> results) override { function_.check(results); }
  void on_error(Error error) override {
    if (error.code() != Errc::malformed && error.code() != Errc::resource_exhausted) std::abort();
  }

 private:
  const Function& function_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static async::Shard shard(0);
  auto started =
      keyvalue::factory()({.id = "kv", .config = {{"max_keys", std::to_string(kMaxKeys)}, {"max_value_bytes", "64"}}});
  if (!started) std::abort();
  const auto target = *BuiltinTarget::create(*std::move(started), {.id = "kv"});
  auto bytes = std::as_bytes(std::span(data, size));
  while (bytes.size() >= 2) {
    const Function& function = kFunctions[std::to_integer<std::size_t>(bytes[0]) % kFunctions.size()];
    const auto length = std::min<std::size_t>(std::to_integer<std::size_t>(bytes[1]), bytes.size() - 2);
    Handler handler(function);
    const auto pending = target->invoke(shard,
                                        {.interface = function.interface,
                                         .function = function.name,
                                         .params = bytes.subspan(2, length),
                                         .context = {.source = "fuzz", .link_name = "default"}},
                                        handler);
    if (pending != nullptr) std::abort();
    bytes = bytes.subspan(2 + length);
  }
  return 0;
}
