// SPDX-License-Identifier: Apache-2.0
/// Links inside larger documents: events, lists, stored specifications. The rest of weft uses link.hpp.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "wire/link.hpp"

namespace weft::wire {

/// All eight members, as in the store.
boost::json::object to_json(const Link& link);
/// See json.hpp.
std::string read_json(const boost::json::value& value, Link& out);

}  // namespace weft::wire
