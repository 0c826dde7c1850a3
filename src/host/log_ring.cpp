// SPDX-License-Identifier: Apache-2.0
#include "host/log_ring.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iterator>
#include <utility>

#include "wire/time_text.hpp"

namespace weft::host {
namespace {

std::size_t size_of(const LogLine& line) { return line.text.size() + line.component.size() + line.time.size(); }

}  // namespace

std::string encode(const std::vector<LogLine>& lines) {
  boost::json::array array;
  for (const auto& line : lines) {
    array.push_back({{"number", line.number},
                     {"time", line.time},
                     {"level", to_text(line.level)},
                     {"component", line.component},
                     {"message", line.text}});
  }
  return boost::json::serialize(array);
}

void LogRing::add(LogLevel level, std::string_view component, std::string_view text) {
  LogLine line{.number = 0,
               .time = wire::time_text(std::chrono::system_clock::now()),
               .level = level,
               .component = std::string(component),
               .text = std::string(text.substr(0, kMaxLineBytes))};
  const std::lock_guard lock(mutex_);
  line.number = ++last_;
  bytes_ += size_of(line);
  lines_.push_back(std::move(line));
  while (lines_.size() > kMaxLines || bytes_ > kMaxBytes) {
    bytes_ -= size_of(lines_.front());
    lines_.pop_front();
  }
}

std::vector<LogLine> LogRing::lines(std::uint64_t after, std::size_t limit, std::string_view component) const {
  std::vector<LogLine> found;
  const std::lock_guard lock(mutex_);
  for (auto line = lines_.rbegin(); line != lines_.rend() && line->number > after && found.size() < limit; ++line) {
    if (component.empty() || line->component == component) {
      found.push_back(*line);
    }
  }
  std::ranges::reverse(found);
  return found;
}

}  // namespace weft::host
