// SPDX-License-Identifier: Apache-2.0
/// How a guest is told what failed, where its interface has but a text for that. Threads: pure.
#pragma once

#include <string>
#include <weft/error.hpp>

namespace weft::builtins {

/// What failed, and what would mend it.
inline std::string guest_text(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + ": " + error.hint();
}

}  // namespace weft::builtins
