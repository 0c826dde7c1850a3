// SPDX-License-Identifier: Apache-2.0
/// Claims inside events. The rest of weft uses claims.hpp. Source: control-plane facts 5.3.
#pragma once

#include <boost/json.hpp>

#include "wire/claims.hpp"

namespace weft::wire {

boost::json::object to_event_json(const ComponentClaims& claims);
boost::json::object to_event_json(const ProviderClaims& claims);

}  // namespace weft::wire
