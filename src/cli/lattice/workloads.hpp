// SPDX-License-Identifier: Apache-2.0
/// Where a component or provider runs, and how what is to be run is named. Errors: not_found (it runs nowhere),
/// invalid_argument (it runs on several hosts, which are listed; no host takes it).
#pragma once

#include "cli/lattice/connection.hpp"
#include "wire/control.hpp"

#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

struct PlacedComponent {
  std::string host_id;
  wire::ComponentDescription what;
};
struct PlacedProvider {
  std::string host_id;
  wire::ProviderDescription what;
};
Result<PlacedComponent> find_component(Connection& connection, const std::string& id);
Result<PlacedProvider> find_provider(Connection& connection, const std::string& id);

/// A path of this machine as "file:///absolute"; everything else as it is.
std::string absolute_reference(std::string_view reference);

/// The host that is to run something new: the one that is meant, else the first that bids and has the labels.
Result<std::string> host_for(Connection& connection, wire::AuctionKind kind, wire::Auction auction);

}  // namespace weft::cli
