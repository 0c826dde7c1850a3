// SPDX-License-Identifier: Apache-2.0
#include "wrpc/subjects.hpp"

#include <fmt/format.h>

#include <charconv>

namespace weft::wrpc {

std::string invocation_subject(std::string_view lattice, std::string_view target, std::string_view interface,
                               std::string_view function) {
  return fmt::format("{}.{}.{}.{}", lattice, target, kProtocol, function_subject(interface, function));
}

std::string function_subject(std::string_view interface, std::string_view function) {
  return fmt::format("{}{}{}", interface, interface.empty() ? "" : ".", wire_function(function));
}

std::string queue_group(std::string_view lattice, std::string_view target) {
  return fmt::format("{}.{}", lattice, target);
}

std::string_view wire_function(std::string_view function) noexcept {
  if (!function.starts_with('[')) {
    return function;
  }
  const auto end = function.find(']');
  return end == std::string_view::npos ? function : function.substr(end + 1);
}

std::string present_subject(std::string_view lattice, std::string_view member) {
  return fmt::format("weft.rpc.{}.present.{}", lattice, member);
}

std::string who_subject(std::string_view lattice, std::string_view target) {
  return fmt::format("weft.rpc.{}.who.{}", lattice, target);
}

std::string member_address(std::string_view lattice, std::string_view member) {
  return fmt::format("weft.rpc.{}.at.{}", lattice, member);
}

std::string alive_subject(std::string_view lattice, std::string_view member) {
  return fmt::format("{}.{}", member_address(lattice, member), kAlive);
}

std::string inbox_subject(std::string_view base, std::uint64_t call) { return fmt::format("{}.{}", base, call); }

std::optional<InboxSubject> parse_inbox_subject(std::string_view base, std::string_view subject) noexcept {
  if (!subject.starts_with(base) || subject.size() <= base.size() || subject[base.size()] != '.') {
    return std::nullopt;
  }
  subject.remove_prefix(base.size() + 1);
  const auto dot = subject.find('.');
  const auto digits = subject.substr(0, dot);
  InboxSubject parsed;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed.call);
  if (fault != std::errc() || end != digits.data() + digits.size() || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  }
  if (dot != std::string_view::npos) {
    parsed.channel = subject.substr(dot + 1);
    if (parsed.channel.empty()) {
      return std::nullopt;  // "7." is no handshake
    }
  }
  return parsed;
}

}  // namespace weft::wrpc
