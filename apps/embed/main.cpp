// SPDX-License-Identifier: Apache-2.0
/// weft inside a C++ program: serves a component over HTTP until its input ends, or calls one function of it.
///   embed hello.wasm                          serves; prints the URL
///   embed maths.wasm 'demo:maths/add#add' 1 2 calls; prints the answer
#include <weft/host.hpp>

#include <iostream>
#include <limits>

weft::Result<void> run(const std::vector<std::string>& words) {
  WEFT_TRY(const auto host, weft::Host::create({}));
  WEFT_TRY(const auto component, host->load(words.at(1), {}));
  if (words.size() > 2) {
    WEFT_TRY(const auto answer,
             host->call(*component, words[2], {words.begin() + 3, words.end()}, weft::ValueFormat::wave));
    std::cout << answer << std::endl;
    return {};
  }
  WEFT_TRY(const auto service, host->serve(component, {.listen = "127.0.0.1:0"}));
  std::cout << "http://" << service->address() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max(), std::istream::traits_type::eof());
  return {};
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto outcome = run({argv, argv + argc});
  if (!outcome) std::cerr << outcome.error().to_string() << "\n";
  return outcome ? 0 : 1;
}
