// SPDX-License-Identifier: Apache-2.0
/// What a loaded component costs in memory: loads one, then many more that differ from it by a custom section, all from
/// the artifact cache, and prints the resident bytes that each further one took.
///
/// usage: many_components FILE.wasm [COUNT]      prints {"one": bytes resident, "further": bytes each}
#include <fmt/core.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>
#include <weft/host.hpp>

namespace {

/// The component with a custom section at its end: another file to the host, the same code.
std::string variant(std::string wasm, std::uint32_t number) {
  const auto name = fmt::format("{:08}", number);
  wasm += '\0';                                // a custom section
  wasm += static_cast<char>(name.size() + 1);  // of this size,
  wasm += static_cast<char>(name.size());      // with a name and nothing else
  return wasm + name;
}

std::uint64_t resident_bytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

using Components = std::vector<std::shared_ptr<weft::Component>>;

weft::Result<void> load(weft::Host& host, const std::string& wasm, std::uint32_t first, std::uint32_t count,
                        Components& components) {
  for (std::uint32_t number = first; number < first + count; ++number) {
    WEFT_TRY(auto component, host.load_bytes(variant(wasm, number),
                                             {.id = fmt::format("component-{}", number), .grants = {}, .limits = {}}));
    components.push_back(std::move(component));
  }
  return {};
}

weft::Result<std::string> run(const std::string& wasm, std::uint32_t count) {
  {
    WEFT_TRY(const auto host, weft::Host::create({}));
    Components components;
    WEFT_CHECK(load(*host, wasm, 0, count + 1, components));  // fills the cache
  }
  WEFT_TRY(const auto host, weft::Host::create({}));
  Components components;
  WEFT_CHECK(load(*host, wasm, 0, 1, components));
  const auto one = resident_bytes();
  WEFT_CHECK(load(*host, wasm, 1, count, components));
  return fmt::format("{{\"one\": {}, \"further\": {}}}", one, (resident_bytes() - one) / count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: many_components FILE.wasm [COUNT]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string wasm{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto count = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 100;
  const auto report = run(wasm, static_cast<std::uint32_t>(count));
  if (!report) {
    fmt::print(stderr, "{}\n", report.error().to_string());
    return 1;
  }
  fmt::print("{}\n", *report);
  return 0;
}
