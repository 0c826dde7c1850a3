// SPDX-License-Identifier: Apache-2.0
// Subjects, headers and errors as peers may write them. Oracle: an inbox that parses is the one its parts make, a
// weft-call that decodes is encoded and decoded to the same, an error keeps its words, and a function that is found is
// the one that was called.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wrpc/call_headers.hpp"
#include "wrpc/served_names.hpp"
#include "wrpc/subjects.hpp"

namespace {

using namespace weft::wrpc;

void require(bool condition) {
  if (!condition) std::abort();
}

void try_inbox(std::string_view text) {
  constexpr std::string_view kBase = "_INBOX.b";
  const std::string subject = std::string(kBase) + "." + std::string(text);
  if (const auto parsed = parse_inbox_subject(kBase, subject)) {
    auto made = inbox_subject(kBase, parsed->call);
    if (!parsed->channel.empty()) {
      made.append(".").append(parsed->channel);
    }
    require(made == subject);
  }
  (void)parse_inbox_subject(kBase, text);
}

void try_error(std::string_view text) {
  const auto error = decode_error(text);
  require(!error.message().empty());
  const auto again = decode_error(encode_error(error));
  require(again.code() == error.code() && again.blame() == error.blame());
}

void try_names(std::string_view text) {
  static const ServedNames names({{.interface = "acme:a/b@1.0.0", .function = "get"},
                                  {.interface = "acme:a/b", .function = "[method]cart.get"},
                                  {.interface = "acme:a/b", .function = "get"},
                                  {.interface = "", .function = "run"}});
  if (const auto found = names.find(text)) {
    const std::string function(wire_function(found->function));
    require(text == (found->interface.empty() ? function : found->interface + "." + function));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_inbox(text);
  if (const auto call = decode_weft_call(text)) {
    require(decode_weft_call(encode_weft_call(*call)) == call);
  }
  try_error(text);
  try_names(text);
  require(invocation_subject("l", "t", "i", text).ends_with(wire_function(text)));
  return 0;
}
