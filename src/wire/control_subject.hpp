// SPDX-License-Identifier: Apache-2.0
/// Subjects of the control interface: "{prefix}.v1.{lattice}.component.scale.{host}".
/// Source: control-plane facts 3.2, 3.4. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::wire {

enum class ControlOperation : std::uint8_t {
  host_ping,
  host_get,
  host_stop,
  component_auction,
  provider_auction,
  component_scale,
  component_update,
  provider_start,
  provider_stop,
  label_put,
  label_del,
  link_put,
  link_del,
  link_get,
  claims_get,
  config_put,
  config_get,
  config_del,
  registry_put,
};

/// What a subject asks for. `argument`: the host's id, or the configuration's name; empty for the rest.
struct ControlSubject {
  ControlOperation operation = ControlOperation::host_ping;
  std::string_view argument;
};

/// Where one control interface lives: "wasmbus.ctl" and "default".
struct ControlRoot {
  std::string prefix = "wasmbus.ctl";
  std::string lattice = "default";

  /// "{prefix}.v1.{lattice}", the common beginning of its subjects.
  [[nodiscard]] std::string base() const { return prefix + ".v1." + lattice; }
};

/// "{root}.component.scale.{argument}".
std::string control_subject(const ControlRoot& root, ControlOperation operation, std::string_view argument = {});
/// Nothing: not one of the operations ("unsupported subject").
std::optional<ControlSubject> parse_control_subject(const ControlRoot& root, std::string_view subject) noexcept;

/// invalid_argument unless `name` matches [A-Za-z0-9_-]+.
Result<void> check_lattice_name(std::string_view name);
/// The same for the ids of components and providers.
Result<void> check_workload_id(std::string_view id);
/// invalid_argument unless `topic`, the subject of a service that `option` names, is names with dots between them.
Result<void> check_topic(std::string_view option, std::string_view topic);

/// "wasmbus.evt.{lattice}.{event}". The root is not configurable.
std::string event_subject(std::string_view lattice, std::string_view event);

}  // namespace weft::wire
