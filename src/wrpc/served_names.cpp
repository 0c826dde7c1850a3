// SPDX-License-Identifier: Apache-2.0
#include "wrpc/served_names.hpp"

#include <algorithm>

#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

bool serves_any_version(const dispatch::FunctionName& name) {
  return !name.interface.empty() && !name.interface.contains('@');
}

std::string called_as(const dispatch::FunctionName& name) {
  return name.interface.empty() ? std::string(wire_function(name.function))
                                : name.interface + "." + std::string(wire_function(name.function));
}

/// The interface with its version, if `called` is that function of any version of it.
std::optional<std::string_view> versioned(const dispatch::FunctionName& name, std::string_view called) {
  const auto function = wire_function(name.function);
  if (!called.starts_with(name.interface) || !called.ends_with(function) ||
      called.size() <= name.interface.size() + function.size()) {
    return std::nullopt;
  }
  const auto interface = called.substr(0, called.size() - function.size() - 1);
  if (called[interface.size()] != '.' || (interface != name.interface && interface[name.interface.size()] != '@')) {
    return std::nullopt;
  }
  return interface;
}

}  // namespace

ServedNames::ServedNames(std::vector<dispatch::FunctionName> functions) {
  const bool any = std::ranges::any_of(functions, serves_any_version);
  for (auto& name : functions) {
    auto called = called_as(name);
    if (!any) {
      subscribed_.push_back(called);
    }
    by_call_.emplace(std::move(called), std::move(name));
  }
  if (any) {
    subscribed_.emplace_back(">");
  }
}

std::optional<dispatch::FunctionName> ServedNames::find(std::string_view called) const {
  if (const auto exact = by_call_.find(called); exact != by_call_.end()) {
    return exact->second;
  }
  // "a:b/c@1.0.0.cart.get" could be `get` of a version 1.0.0.cart: the longest function is the one that is meant.
  std::optional<dispatch::FunctionName> found;
  for (const auto& [key, name] : by_call_) {
    if (!serves_any_version(name)) {
      continue;
    }
    const auto interface = versioned(name, called);
    if (interface && (!found || interface->size() < found->interface.size())) {
      found = {.interface = std::string(*interface), .function = name.function};
    }
  }
  return found;
}

}  // namespace weft::wrpc
