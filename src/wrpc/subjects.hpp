// SPDX-License-Identifier: Apache-2.0
/// Where the messages of a call go: the subject that a function is served under, and the channels of one invocation
/// below the inboxes that the two sides choose. Pure.
/// Source: data-plane facts 1.2, 1.4, 1.7, 1.9, 1.13.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::wrpc {

/// The token sequence that names the protocol, the same in all of 1.x.
inline constexpr std::string_view kProtocol = "wrpc.0.0.1";

/// "{lattice}.{target}.wrpc.0.0.1.{interface}.{function}"; a function at the root of the world has no interface.
/// The annotation of a resource's function is dropped: "[method]cart.add" is "cart.add".
std::string invocation_subject(std::string_view lattice, std::string_view target, std::string_view interface,
                               std::string_view function);
/// What names a function behind an address: "{interface}.{function}".
std::string function_subject(std::string_view interface, std::string_view function);
/// Everybody who serves a target: "{lattice}.{target}".
std::string queue_group(std::string_view lattice, std::string_view target);
/// A function's name without "[constructor]", "[method]" or "[static]".
std::string_view wire_function(std::string_view function) noexcept;

/// The channel below an inbox on which parameters and results travel.
inline constexpr std::string_view kParams = "params";
inline constexpr std::string_view kResults = "results";
/// weft's own: below the inbox of who serves, "nobody waits for the outcome any more".
inline constexpr std::string_view kCancel = "cancel";
/// weft's own: a question below the inbox of who serves that it does not answer; but the server does when nobody is
/// there any more.
inline constexpr std::string_view kAlive = "alive";
/// Below it, by path: how much of a stream was taken, between weft hosts.
inline constexpr std::string_view kTaken = "taken";

/// weft's own: below the inbox of a caller, where hosts say that they serve what it calls.
inline constexpr std::string_view kWho = "who";

// weft's own subjects, by which calls go around members that have fallen silent (docs/protocol/wrpc.md). A member is a
// host or a provider process, by an id that is one token.

/// Where a member says that it is there.
std::string present_subject(std::string_view lattice, std::string_view member);
/// Where everybody who serves a target can be asked for.
std::string who_subject(std::string_view lattice, std::string_view target);
/// Where one member alone is called: "{address}.{target}.{interface}.{function}".
std::string member_address(std::string_view lattice, std::string_view member);
/// Nobody listens there exactly when the member's connection is gone.
std::string alive_subject(std::string_view lattice, std::string_view member);

/// The inbox of one call among those of one shard: "{base}.{number}", and what comes behind it names the channel:
/// nothing (the handshake), "params", "results.0.1".
struct InboxSubject {
  std::uint64_t call = 0;
  std::string_view channel;
};
std::string inbox_subject(std::string_view base, std::uint64_t call);
/// Nothing if `subject` is not below `base`, or its number is none.
std::optional<InboxSubject> parse_inbox_subject(std::string_view base, std::string_view subject) noexcept;

}  // namespace weft::wrpc
