// SPDX-License-Identifier: Apache-2.0
/// One message of the bus, as NATS has it. Threads: a plain value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::bus {

/// What a server says in place of an answer: a status, as a header of a message without a payload. To the reply subject
/// of a message that nobody listens to it says 503.
inline constexpr std::string_view kStatusHeader = "Status";
inline constexpr std::string_view kNobodyListens = "503";

struct MessageHeader {
  std::string name;
  std::string value;
};

struct Message {
  std::string subject;
  std::string reply;  ///< where an answer is expected; empty: nowhere
  std::vector<MessageHeader> headers;
  std::string payload;

  /// The first header of that name; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept {
    for (const auto& header : headers) {
      if (header.name == name) {
        return header.value;
      }
    }
    return {};
  }
};

}  // namespace weft::bus
