// SPDX-License-Identifier: Apache-2.0
/// The hosts that have been heard on the data plane, and which of them have fallen silent. Pure: the time is given.
/// Ownership: by the Presence. Limits: kMaxHosts; what is heard beyond them is not followed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weft::wrpc {

using HostSet = std::set<std::string, std::less<>>;

class HostTable {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxHosts = 10'000;

  explicit HostTable(Clock::duration silence) : silence_(silence) {}

  /// `back`: it had fallen silent. `reborn`: another process has its name, so whatever the one before it had is lost.
  enum class Heard : std::uint8_t { known, first, back, reborn };
  /// `life` is another for each process that has the name.
  Heard heard(std::string_view host, std::string_view life, Clock::time_point now);
  /// It has left, or its connection is gone: it is sent no calls any more, so nobody has to avoid it. True: it was
  /// known.
  bool forget(std::string_view host);
  /// Nobody could be heard until now: all begin anew.
  void excuse_all(Clock::time_point now);
  /// The hosts that have fallen silent since the last look. After a pause of our own nobody is blamed for it.
  std::vector<std::string> look(Clock::time_point now);

  /// Those that should have been heard by now, silent or not yet.
  [[nodiscard]] std::vector<std::string> overdue(Clock::time_point now, Clock::duration since) const;
  /// Null: nobody is silent.
  [[nodiscard]] std::shared_ptr<const HostSet> silent() const;
  [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }

 private:
  struct Host {
    Clock::time_point heard;
    std::string life;
  };

  Clock::duration silence_;
  std::map<std::string, Host, std::less<>> hosts_;
  HostSet silent_;
  Clock::time_point looked_ = Clock::time_point::max();
};

}  // namespace weft::wrpc
