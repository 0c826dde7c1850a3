// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_headers.hpp"

#include <string>
#include <utility>

namespace weft::bus {
namespace {

constexpr std::string_view kVersion = "NATS/1.0";
constexpr std::string_view kBlank = " \t";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Cuts the next line off, without its end; nothing when there is none that ends.
std::optional<std::string_view> next_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  if (end == rest.npos) {
    return std::nullopt;
  }
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

void add_status(std::string_view text, std::vector<MessageHeader>& headers) {
  text = trim(text);
  if (text.empty()) {
    return;
  }
  const auto code = text.substr(0, text.find_first_of(kBlank));
  headers.push_back({.name = "Status", .value = std::string(code)});
  if (const auto words = trim(text.substr(code.size())); !words.empty()) {
    headers.push_back({.name = "Description", .value = std::string(words)});
  }
}

bool add_line(std::string_view line, std::vector<MessageHeader>& headers) {
  if (kBlank.contains(line.front())) {
    // A folded line goes on with the value of the one before.
    if (headers.empty()) {
      return false;
    }
    const auto more = trim(line);
    headers.back().value += (headers.back().value.empty() || more.empty() ? "" : " ") + std::string(more);
    return true;
  }
  const auto colon = line.find(':');
  if (colon == line.npos || colon == 0) {
    return false;
  }
  headers.push_back({.name = std::string(line.substr(0, colon)), .value = std::string(trim(line.substr(colon + 1)))});
  return true;
}

}  // namespace

std::optional<std::vector<MessageHeader>> parse_headers(std::string_view block) {
  auto line = next_line(block);
  if (!line || !line->starts_with(kVersion)) {
    return std::nullopt;
  }
  const auto status = line->substr(kVersion.size());
  if (!status.empty() && !kBlank.contains(status.front())) {
    return std::nullopt;
  }
  std::vector<MessageHeader> headers;
  add_status(status, headers);
  while ((line = next_line(block))) {
    if (line->empty()) {
      return block.empty() ? std::optional(std::move(headers)) : std::nullopt;
    }
    if (!add_line(*line, headers)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace weft::bus
