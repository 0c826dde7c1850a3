// SPDX-License-Identifier: Apache-2.0
/// What of a target is subscribed to, and which of its functions a call's subject names. Pure; immutable.
///
/// A function whose interface has no version serves every version of it. What subject a caller will use is then not
/// known beforehand, so such a target is subscribed to by a wildcard, and calls of what it does not serve are refused
/// instead of finding nobody.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/target.hpp"

namespace weft::wrpc {

class ServedNames {
 public:
  explicit ServedNames(std::vector<dispatch::FunctionName> functions);

  /// What stands behind "{lattice}.{target}.wrpc.0.0.1." in subscriptions: "acme:a/b@1.0.0.get", or ">".
  [[nodiscard]] const std::vector<std::string>& subscribed() const noexcept { return subscribed_; }
  /// `called`: what stands there in the subject of a call. The interface comes as the caller has it, with its version.
  [[nodiscard]] std::optional<dispatch::FunctionName> find(std::string_view called) const;

 private:
  std::map<std::string, dispatch::FunctionName, std::less<>> by_call_;  ///< as a subject of the same version names it
  std::vector<std::string> subscribed_;
};

}  // namespace weft::wrpc
