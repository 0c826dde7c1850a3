// SPDX-License-Identifier: Apache-2.0
/// Who a host is in its lattice: key, name, labels, age. Threads: the control shard, but what never changes.
/// Source: control-plane facts 1.1-1.5.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "wire/control.hpp"

namespace weft::host {

class Identity {
 public:
  /// The key of `seed`, else the one kept in `data_dir` (made there at the first start), else a new one.
  /// Errors: invalid_argument (not the seed of a server), io.
  static Result<Identity> create(const std::string& seed, const std::string& data_dir, wire::StringMap labels);

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& friendly_name() const noexcept { return friendly_name_; }
  [[nodiscard]] const wire::StringMap& labels() const noexcept { return labels_; }
  [[nodiscard]] std::uint64_t uptime_seconds() const;
  [[nodiscard]] std::string uptime_text() const;

  void put_label(const std::string& key, std::string value) { labels_.insert_or_assign(key, std::move(value)); }
  bool delete_label(const std::string& key) { return labels_.erase(key) != 0; }

 private:
  std::string id_;
  std::string friendly_name_;
  wire::StringMap labels_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace weft::host
