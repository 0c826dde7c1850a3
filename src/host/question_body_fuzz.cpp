// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as each of the questions: what decodes must decode to the same value after it was encoded.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/question_body.hpp"

namespace {

using namespace weft::host;

template <class Decode>
void check(std::string_view body, Decode decode) {
  const auto question = decode(body);
  if (!question) {
    return;
  }
  const auto text = encode(*question);
  const auto again = decode(text);
  // Escapes may make the text longer than what it was read from.
  if (again ? *again != *question : text.size() <= kMaxQuestionBytes) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(body, decode_call_question);
  // A name alone may be any bytes, which JSON cannot say.
  if (body.starts_with('{')) {
    check(body, decode_logs_question);
  }
  return 0;
}
