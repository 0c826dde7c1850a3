// SPDX-License-Identifier: Apache-2.0
/// How the host answers each function that a guest imports: which link it goes over and what it is called on the wire,
/// or that the host itself answers. Pure.
///
/// Source: data-plane facts 3.1 (exports), 3.7 (set-link-name), 3.9 (imports translated), 3.10 (all others verbatim).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/target.hpp"

namespace weft::guest {

enum class ImportKind : std::uint8_t {
  call,            ///< goes over a link
  same,            ///< the parameters are the result: a handle that is a text, and that text
  some_of_same,    ///< ok(the parameters): a bucket, whose handle is its name
  error_of_same,   ///< error(the parameters)
  name_interface,  ///< the constructor of call-target-interface: its handle is "ns:pkg/iface"
  set_link_name,   ///< of lattice 1.x: no answer
  try_link_name,   ///< of lattice 2.x: says if there is no such link
  link_name,       ///< gives the name of the link that is selected for the interface
  nothing,         ///< a dropped handle that is but a text
  drop,            ///< a dropped handle of somebody's resource
  refused,         ///< not supported
};

struct ImportRule {
  ImportKind kind = ImportKind::call;
  std::string link_key;  ///< "acme:shop/cart"
  /// The interface that a link may name in place of it; empty: none.
  std::string_view other_key = {};
  std::string interface;  ///< on the wire: "acme:shop/cart@1.0.0"
  std::string function;   ///< "[method]cart.add"
  /// An older interface that is asked where nobody serves this one; empty: none. Its functions give streams without the
  /// future that says how they ended.
  std::string fallback = {};
  std::string_view param_path = {};                       ///< of the stream among the parameters; empty: none
  std::span<const std::string_view> result_paths = {};    ///< of the streams and futures among the results
  std::span<const std::string_view> fallback_paths = {};  ///< the same of `fallback`
  /// The guest is told of a failure by one of its own errors, and goes on.
  bool tells_failure = false;
};

/// "acme:shop/cart@1.0.0" without its version.
std::string_view without_version(std::string_view interface) noexcept;

/// For `function` of the imported `interface` ("acme:shop/cart@1.0.0").
ImportRule import_rule(std::string_view interface, std::string_view function);

/// The interface that a link may name in place of `link_key`; empty: none.
std::string_view other_key_of(std::string_view link_key) noexcept;

/// What an exported function is called on the wire.
dispatch::FunctionName wire_name_of(std::string_view exported_interface, std::string_view function);

/// The exports that may serve a function of a wire interface, the likeliest first.
std::vector<dispatch::FunctionName> exports_of(std::string_view wire_interface, std::string_view function);

}  // namespace weft::guest
