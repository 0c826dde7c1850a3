// SPDX-License-Identifier: Apache-2.0
/// One watched call as a line for people. Pure; the line may hold what a guest wrote, so print it with printable().
#pragma once

#include "wire/spy.hpp"

#include <string>

namespace weft::cli {

/// `12:00:01.123 shop -> cart acme:shop/cart@1.0.0#add(item: "tea") => ok [1.24 ms]`, or
/// `12:00:01.123 http -> shop GET /cart => 200, 34 bytes [1.24 ms]`. The time is UTC.
std::string spied_text(const wire::SpiedCall& call);

}  // namespace weft::cli
