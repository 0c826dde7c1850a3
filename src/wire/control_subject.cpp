// SPDX-License-Identifier: Apache-2.0
#include "wire/control_subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weft::wire {
namespace {

enum class Argument : std::uint8_t { none, one };

struct Row {
  ControlOperation operation;
  std::string_view tokens;
  Argument argument;
};

using enum ControlOperation;

constexpr std::array kRows = {
    Row{host_ping, "host.ping", Argument::none},
    Row{host_get, "host.get", Argument::one},
    Row{host_stop, "host.stop", Argument::one},
    Row{component_auction, "component.auction", Argument::none},
    Row{provider_auction, "provider.auction", Argument::none},
    Row{component_scale, "component.scale", Argument::one},
    Row{component_update, "component.update", Argument::one},
    Row{provider_start, "provider.start", Argument::one},
    Row{provider_stop, "provider.stop", Argument::one},
    Row{label_put, "label.put", Argument::one},
    Row{label_del, "label.del", Argument::one},
    Row{link_put, "link.put", Argument::none},
    Row{link_del, "link.del", Argument::none},
    Row{link_get, "link.get", Argument::none},
    Row{claims_get, "claims.get", Argument::none},
    Row{config_put, "config.put", Argument::one},
    Row{config_get, "config.get", Argument::one},
    Row{config_del, "config.del", Argument::one},
    Row{registry_put, "registry.put", Argument::none},
};

/// Takes `prefix` off the front of `text`; false: it does not begin so.
bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_name(std::string_view text) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (is_name(name)) return {};
  return Error{Errc::invalid_argument, fmt::format("`{}` is not a valid {}", name, what),
               "use letters, digits, `_` and `-`, and at least one of them", Blame::operator_};
}

}  // namespace

std::string control_subject(const ControlRoot& root, ControlOperation operation, std::string_view argument) {
  const auto* const row = std::ranges::find(kRows, operation, &Row::operation);
  auto subject = fmt::format("{}.{}", root.base(), row->tokens);
  if (row->argument == Argument::one) subject.append(".").append(argument);
  return subject;
}

std::optional<ControlSubject> parse_control_subject(const ControlRoot& root, std::string_view subject) noexcept {
  if (!take(subject, root.prefix) || !take(subject, ".v1.") || !take(subject, root.lattice) || !take(subject, ".")) {
    return std::nullopt;
  }
  for (const auto& row : kRows) {
    auto rest = subject;
    if (!take(rest, row.tokens)) continue;
    if (row.argument == Argument::none) {
      if (rest.empty()) return ControlSubject{row.operation, {}};
    } else if (take(rest, ".") && !rest.empty() && !rest.contains('.')) {
      return ControlSubject{row.operation, rest};
    }
  }
  return std::nullopt;
}

Result<void> check_lattice_name(std::string_view name) { return check_name("lattice name", name); }

Result<void> check_workload_id(std::string_view id) { return check_name("id of a component or provider", id); }

Result<void> check_topic(std::string_view option, std::string_view topic) {
  bool fits = !topic.empty();
  for (auto rest = topic; fits && !rest.empty();) {
    const auto dot = std::min(rest.find('.'), rest.size());
    fits = is_name(rest.substr(0, dot)) && dot + 1 != rest.size();
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  if (fits) return {};
  return Error{Errc::invalid_argument, fmt::format("{}: `{}` is no subject of a service", option, topic),
               "write words of letters, digits, `_` and `-` with dots between them", Blame::operator_};
}

std::string event_subject(std::string_view lattice, std::string_view event) {
  return fmt::format("wasmbus.evt.{}.{}", lattice, event);
}

}  // namespace weft::wire
