// SPDX-License-Identifier: Apache-2.0
/// By what a host knows processes of its providers again, also those of a run of it that was killed: a random text,
/// kept in its data folder. A host that keeps nothing has a new one each time. Threads: any that may block. Errors: io.
#pragma once

#include <string>
#include <weft/result.hpp>

namespace weft::host {

struct ProviderMark {
  std::string text;        ///< letters and digits
  bool was_there = false;  ///< an earlier run may have left processes
};

Result<ProviderMark> open_mark(const std::string& data_dir);

}  // namespace weft::host
