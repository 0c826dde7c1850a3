// SPDX-License-Identifier: Apache-2.0
#include "wrpc/host_table.hpp"

namespace weft::wrpc {

HostTable::Heard HostTable::heard(std::string_view host, std::string_view life, Clock::time_point now) {
  const auto known = hosts_.find(host);
  if (known == hosts_.end()) {
    if (hosts_.size() == kMaxHosts) {
      return Heard::known;
    }
    hosts_.emplace(host, Host{.heard = now, .life = std::string(life)});
    return Heard::first;
  }
  known->second.heard = now;
  const auto silent = silent_.find(host);
  const bool was_silent = silent != silent_.end();
  if (was_silent) {
    silent_.erase(silent);
  }
  if (known->second.life != life) {
    known->second.life = life;
    return Heard::reborn;
  }
  return was_silent ? Heard::back : Heard::known;
}

bool HostTable::forget(std::string_view host) {
  if (const auto silent = silent_.find(host); silent != silent_.end()) {
    silent_.erase(silent);
  }
  const auto known = hosts_.find(host);
  if (known == hosts_.end()) {
    return false;
  }
  hosts_.erase(known);
  return true;
}

void HostTable::excuse_all(Clock::time_point now) {
  for (auto& [name, host] : hosts_) {
    host.heard = now;
  }
  silent_.clear();
}

std::vector<std::string> HostTable::look(Clock::time_point now) {
  // What was said meanwhile may still wait to be read.
  const bool was_away = looked_ != Clock::time_point::max() && now - looked_ >= silence_ / 2;
  looked_ = now;
  std::vector<std::string> fallen;
  for (auto& [name, host] : hosts_) {
    if (was_away) {
      host.heard = now;
    } else if (now - host.heard >= silence_ && silent_.insert(name).second) {
      fallen.push_back(name);
    }
  }
  return fallen;
}

std::vector<std::string> HostTable::overdue(Clock::time_point now, Clock::duration since) const {
  std::vector<std::string> late;
  for (const auto& [name, host] : hosts_) {
    if (now - host.heard >= since) {
      late.push_back(name);
    }
  }
  return late;
}

std::shared_ptr<const HostSet> HostTable::silent() const {
  return silent_.empty() ? nullptr : std::make_shared<const HostSet>(silent_);
}

}  // namespace weft::wrpc
