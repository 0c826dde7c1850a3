// SPDX-License-Identifier: Apache-2.0
// Any text as a control subject, as a name, and as an image reference. A subject that parses must be written the same
// again; an image that parses must parse again from its full text to itself.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/control_subject.hpp"
#include "wire/image_ref.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

void insist(bool condition) {
  if (!condition) std::abort();
}

void check_subject(const ControlRoot& root, std::string_view subject) {
  const auto parsed = parse_control_subject(root, subject);
  if (!parsed) return;
  insist(!parsed->argument.contains('.'));
  insist(control_subject(root, parsed->operation, parsed->argument) == subject);
}

void check_oci(std::string_view stripped) {
  const auto image = parse_oci_ref(stripped);
  insist(static_cast<bool>(image));
  insist(!image->registry.empty() && !image->repository.empty() && !image->reference().empty());
  insist(std::ranges::none_of(image->text(), [](char c) { return c <= ' ' || c > '~'; }));
  const auto again = parse_oci_ref(image->text());
  insist(again && *again == *image);
}

void check_image(std::string_view text) {
  const auto ref = parse_image_ref(text);
  if (!ref) {
    insist(ref.error().code() == Errc::invalid_argument || ref.error().code() == Errc::unsupported);
    return;
  }
  insist(ref->text == text && !ref->stripped.empty());
  if (ref->kind == ImageKind::oci) check_oci(ref->stripped);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_subject({}, text);
  check_subject({.prefix = "a", .lattice = "b"}, text);
  if (check_lattice_name(text)) insist(!text.empty() && !text.contains('.') && check_workload_id(text));
  check_image(text);
  return 0;
}
