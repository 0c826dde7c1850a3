// SPDX-License-Identifier: Apache-2.0
#include <weft/builtin.hpp>

#include "builtins/builtin_state.hpp"

namespace weft {
namespace detail {

std::string_view wire_name(std::string_view function) noexcept {
  for (const std::string_view annotation : {"[method]", "[static]", "[constructor]"}) {
    if (function.starts_with(annotation)) return function.substr(annotation.size());
  }
  return function;
}

const BuiltinFunction* BuiltinState::find(std::string_view interface, std::string_view function) const noexcept {
  function = wire_name(function);
  auto found = functions.find(builtins::PairView(interface, function));
  if (found == functions.end()) {
    const auto version = interface.find('@');
    if (version == std::string_view::npos) return nullptr;
    found = functions.find(builtins::PairView(interface.substr(0, version), function));
  }
  return found == functions.end() ? nullptr : &found->second;
}

}  // namespace detail

Builtin::Builtin() : state_(std::make_unique<detail::BuiltinState>()) {}
Builtin::~Builtin() = default;

Result<void> Builtin::put_link(const BuiltinLink& /*link*/) { return {}; }
void Builtin::delete_link(const BuiltinLink& /*link*/) {}
Result<void> Builtin::update_config(const ConfigMap& /*config*/) { return {}; }
void Builtin::stop() {}

void Builtin::add(std::string_view interface, std::string_view name, detail::BuiltinFunction function) {
  builtins::PairKey key{std::string(interface), std::string(detail::wire_name(name))};
  if (!state_->functions.try_emplace(std::move(key), std::move(function)).second) {
    state_->fault = "the function " + std::string(interface) + "." + std::string(name) + " is registered twice";
  }
}

}  // namespace weft
