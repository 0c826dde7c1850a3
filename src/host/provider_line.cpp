// SPDX-License-Identifier: Apache-2.0
#include "host/provider_line.hpp"

#include <array>
#include <cctype>
#include <utility>

namespace weft::host {
namespace {

/// Further on a word is part of what is said.
constexpr std::size_t kHead = 80;
constexpr char kEscape = '\x1b';

constexpr std::array<std::pair<std::string_view, LogLevel>, 7> kLevels{{{"ERROR", LogLevel::error},
                                                                        {"CRITICAL", LogLevel::error},
                                                                        {"WARN", LogLevel::warning},
                                                                        {"WARNING", LogLevel::warning},
                                                                        {"INFO", LogLevel::info},
                                                                        {"DEBUG", LogLevel::debug},
                                                                        {"TRACE", LogLevel::debug}}};

/// Control sequences of terminals: ESC '[', parameters, one letter.
std::string without_colours(std::string_view line) {
  std::string text;
  text.reserve(line.size());
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != kEscape || at + 1 >= line.size() || line[at + 1] != '[') {
      text += line[at];
      continue;
    }
    at += 2;
    while (at < line.size() && (line[at] < '@' || line[at] > '~')) ++at;
  }
  return text;
}

bool is_word_at(std::string_view text, std::size_t at, std::size_t size) {
  const auto is_letter = [&](std::size_t index) {
    return index < text.size() && std::isalnum(static_cast<unsigned char>(text[index])) != 0;
  };
  return (at == 0 || !is_letter(at - 1)) && !is_letter(at + size);
}

}  // namespace

ProviderLine read_provider_line(std::string_view line) {
  ProviderLine read{.level = LogLevel::info, .text = without_colours(line)};
  const auto head = std::string_view(read.text).substr(0, kHead);
  auto first = std::string_view::npos;
  for (const auto& [name, level] : kLevels) {
    const auto at = head.find(name);
    if (at < first && is_word_at(head, at, name.size())) {
      first = at;
      read.level = level;
    }
  }
  return read;
}

}  // namespace weft::host
