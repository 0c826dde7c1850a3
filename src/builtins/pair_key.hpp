// SPDX-License-Identifier: Apache-2.0
/// Two texts as the key of an unordered map that is looked up by views, without an allocation.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weft::builtins {

struct PairKey {
  std::string first;
  std::string second;
};

struct PairView {
  PairView(std::string_view a, std::string_view b) noexcept : first(a), second(b) {}
  PairView(const PairKey& key) noexcept
      : first(key.first), second(key.second) {}  // NOLINT(google-explicit-constructor)
  std::string_view first;
  std::string_view second;
};

struct PairHash {
  using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  std::size_t operator()(const PairView& key) const noexcept {
    const std::hash<std::string_view> hash;
    return hash(key.first) * 0x9e3779b97f4a7c15ULL + hash(key.second);
  }
};

struct PairEqual {
  using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  bool operator()(const PairView& a, const PairView& b) const noexcept {
    return a.first == b.first && a.second == b.second;
  }
};

}  // namespace weft::builtins
