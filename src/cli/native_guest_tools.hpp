// SPDX-License-Identifier: Apache-2.0
/// GuestTools over the C interface of crates/weft-wit.
#pragma once

#include "cli/guest_tools.hpp"

namespace weft::cli {

class NativeGuestTools final : public GuestTools {
 public:
  Result<void> bindgen(const std::string& wit, const std::string& world, const std::string& out_dir) override;
  Result<std::string> componentize(std::string_view module, std::string_view adapter, const std::string& wit,
                                   const std::string& world) override;
};

}  // namespace weft::cli
