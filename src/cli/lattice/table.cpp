// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/table.hpp"

#include "base/assert.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {
namespace {

/// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

Table::Table(std::initializer_list<std::string_view> titles) : rows_(1) {
  for (const std::string_view title : titles) rows_[0].emplace_back(title);
}

void Table::add(std::vector<std::string> cells) {
  WEFT_ASSERT(cells.size() == rows_[0].size());
  for (std::string& cell : cells) cell = cell.empty() ? "-" : printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::string_view nothing) const {
  if (empty()) return fmt::format("{}\n", nothing);
  std::vector<std::size_t> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string pairs_text(const std::map<std::string, std::string>& map) {
  std::string text;
  for (const auto& [key, value] : map) text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  return text;
}

std::string list_text(std::span<const std::string> items) { return fmt::format("{}", fmt::join(items, ",")); }

}  // namespace weft::cli
