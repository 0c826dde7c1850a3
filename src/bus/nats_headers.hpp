// SPDX-License-Identifier: Apache-2.0
/// The header block of a NATS message: "NATS/1.0[ status[ description]]", lines of "Name: value", an empty line.
///
/// Why not nats.c's own reader: 3.4.1 takes the whole next line for the value of a header that is empty, and gives up
/// all headers when the last one is. Empty headers are common: tracing libraries send `tracestate` without a value.
/// Pure. Order and repetitions are kept; blanks around values are not. The status is the header "Status", its text
/// "Description", as nats.c has them. Source: NATS ADR-4.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bus/message.hpp"

namespace weft::bus {

/// Nothing when the block is not one. The number of headers is bounded by the size of the block.
std::optional<std::vector<MessageHeader>> parse_headers(std::string_view block);

}  // namespace weft::bus
