// SPDX-License-Identifier: Apache-2.0
/// Lattice events: CloudEvents 1.0 in structured JSON. Source: control-plane facts 5. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "wire/claims.hpp"
#include "wire/control.hpp"
#include "wire/link.hpp"

namespace weft::wire {

/// The envelope. `data` is a JSON object as text.
struct Event {
  std::string name;    ///< "component_scaled"; `type` is "com.wasmcloud.lattice." before it
  std::string source;  ///< host id
  std::string id;      ///< UUID text
  std::string time;    ///< RFC 3339 UTC, nine sub-second digits
  std::string data;
};

std::string encode(const Event& event);
/// malformed: not a lattice event.
Result<Event> decode_event(std::string_view json);

/// What component events say.
struct ComponentEvent {
  std::string component_id;
  std::string host_id;
  std::string image_ref;
  StringMap annotations;
  std::uint32_t max_instances = 0;
  const ComponentClaims* claims = nullptr;  ///< null: unsigned
  std::string error;                        ///< component_scale_failed alone
};

struct ProviderEvent {
  std::string provider_id;
  std::string host_id;
  std::string image_ref;  ///< stripped, or as requested in provider_start_failed
  StringMap annotations;
  const ProviderClaims* claims = nullptr;
  std::string error;            ///< provider_start_failed
  std::string reason = "stop";  ///< provider_stopped
};

/// The `data` of each event.
std::string host_started_data(std::string_view friendly_name, const StringMap& labels, std::string_view version);
std::string host_stopped_data(const StringMap& labels);
std::string labels_changed_data(std::string_view host_id, const StringMap& labels);
std::string config_data(std::string_view name);  ///< config_set, config_deleted
std::string linkdef_set_data(const Link& link);
std::string linkdef_set_failed_data(const Link& link, std::string_view error);
/// `removed`: the link that was there, or null.
std::string linkdef_deleted_data(const DeleteLink& command, const Link* removed);
std::string component_scaled_data(const ComponentEvent& event);
std::string component_scale_failed_data(const ComponentEvent& event);
std::string provider_started_data(const ProviderEvent& event);
std::string provider_start_failed_data(const ProviderEvent& event);
std::string provider_stopped_data(const ProviderEvent& event);
std::string health_check_data(std::string_view host_id, std::string_view provider_id);
/// host_heartbeat carries encode(HostInventory).

}  // namespace weft::wire
