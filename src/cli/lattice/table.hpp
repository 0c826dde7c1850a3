// SPDX-License-Identifier: Apache-2.0
/// Rows under titles, each column as wide as its widest cell. What hosts and files say is made printable() here, so
/// that no caller forgets it. Threads: a plain value.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

class Table {
 public:
  Table(std::initializer_list<std::string_view> titles);

  /// As many cells as there are titles.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.size() == 1; }
  /// With the titles; `nothing` on a line of its own instead, if there are no rows.
  [[nodiscard]] std::string text(std::string_view nothing) const;

 private:
  std::vector<std::vector<std::string>> rows_;  ///< the titles first
};

/// "a=1,b=2".
std::string pairs_text(const std::map<std::string, std::string>& map);
/// "a,b".
std::string list_text(std::span<const std::string> items);

/// "[{...},{...}]" of values that `encode` turns into JSON.
template <class Items, class Encode>
std::string json_array(const Items& items, Encode encode) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    text += encode(item);
  }
  return text + "]";
}

}  // namespace weft::cli
