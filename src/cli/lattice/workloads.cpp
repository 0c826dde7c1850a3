// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/workloads.hpp"

#include "cli/lattice/table.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace weft::cli {
namespace {

template <class Placed, class Pick>
Result<Placed> find_placed(Connection& connection, std::string_view kind, const std::string& id, Pick pick) {
  WEFT_TRY(const auto inventories, connection.inventories());
  std::vector<Placed> found;
  std::string hosts;
  for (const auto& inventory : inventories) {
    for (const auto& what : pick(inventory)) {
      if (what.id != id) continue;
      found.push_back({inventory.host_id, what});
      hosts += fmt::format("{}{} ({})", hosts.empty() ? "" : ", ", inventory.host_id, inventory.friendly_name);
    }
  }
  if (found.empty()) {
    return Error(Errc::not_found, fmt::format("No {} '{}' runs.", kind, id),
                 fmt::format("See what runs with 'weft get {}s'.", kind), Blame::operator_);
  }
  if (found.size() > 1) {
    return Error(Errc::invalid_argument, fmt::format("The {} '{}' runs on {} hosts.", kind, id, found.size()),
                 fmt::format("Name one with '--host': {}.", hosts), Blame::operator_);
  }
  return std::move(found.front());
}

bool is_path(std::string_view reference) {
  if (reference.contains("://")) return false;
  if (reference.starts_with('/') || reference.starts_with("./") || reference.starts_with("../")) return true;
  std::error_code ignored;
  return std::filesystem::is_regular_file(reference, ignored);
}

}  // namespace

Result<PlacedComponent> find_component(Connection& connection, const std::string& id) {
  return find_placed<PlacedComponent>(connection, "component", id,
                                      [](const wire::HostInventory& host) { return host.components; });
}

Result<PlacedProvider> find_provider(Connection& connection, const std::string& id) {
  return find_placed<PlacedProvider>(connection, "provider", id,
                                     [](const wire::HostInventory& host) { return host.providers; });
}

std::string absolute_reference(std::string_view reference) {
  if (!is_path(reference)) return std::string(reference);
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(reference, failed);
  return failed ? std::string(reference) : "file://" + absolute.lexically_normal().string();
}

Result<std::string> host_for(Connection& connection, wire::AuctionKind kind, wire::Auction auction) {
  const bool daemon = !connection.target().daemon.empty() && auction.constraints.empty();
  if (connection.names_host() || daemon) return connection.host_id();
  const auto constraints = auction.constraints;
  const auto id = auction.id;
  WEFT_TRY(auto bids, connection.wait(connection.client().auction(kind, std::move(auction))));
  if (!bids.empty()) return std::move(bids.front().host_id);
  WEFT_CHECK(connection.hosts());
  return Error(Errc::not_found,
               constraints.empty() ? fmt::format("No host takes '{}'.", id)
                                   : fmt::format("No host with the labels {} takes '{}'.", pairs_text(constraints), id),
               "It may run already: see 'weft get inventory'; or name a host with '--host'.", Blame::operator_);
}

}  // namespace weft::cli
