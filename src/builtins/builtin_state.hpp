// SPDX-License-Identifier: Apache-2.0
/// What a weft::Builtin hides: its functions by name and its tables of resources. Filled by its constructor, immutable
/// after. Threads: find() any.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/pair_key.hpp"

namespace weft::detail {

struct BuiltinState {
  /// By interface and function; the function without WIT's annotation, as calls from the wire have it.
  std::unordered_map<builtins::PairKey, BuiltinFunction, builtins::PairHash, builtins::PairEqual> functions;
  std::vector<HandleTable*> tables;
  std::string fault;  ///< a mistake of the constructor, told when the builtin is started

  /// Exactly first, then without the version. No allocation.
  [[nodiscard]] const BuiltinFunction* find(std::string_view interface, std::string_view function) const noexcept;
};

/// "add" of "[static]add", "cart.add" of "[method]cart.add", "cart" of "[constructor]cart"; others stay.
[[nodiscard]] std::string_view wire_name(std::string_view function) noexcept;

struct BuiltinAccess {
  static const BuiltinState& state(const Builtin& builtin) noexcept { return *builtin.state_; }
};

}  // namespace weft::detail
