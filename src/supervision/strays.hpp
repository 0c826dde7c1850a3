// SPDX-License-Identifier: Apache-2.0
/// Finds and kills what a process has left behind outside of its group, also when its supervisor did not live to see
/// to it: every process that carries a mark in its environment, which children inherit.
///
/// One that throws its environment away, or belongs to another user, is not found; a control group (cgroup.hpp) has
/// those too. Threads: any that may block; a search reads the environment of every process of this user. Errors:
/// deadline_exceeded (some were still there after a second), io (there is no /proc).
/// Source: proc(5), environ; pidfd_send_signal(2).
#pragma once

#include <cstddef>
#include <string>
#include <weft/result.hpp>

namespace weft::supervision {

/// A variable and how its value begins. The whole value is meant where `whole` says so.
struct Mark {
  enum class Match : std::uint8_t { whole, beginning };
  std::string variable;
  std::string value;
  Match match = Match::whole;
};

/// Kills all that carry the mark, but ourselves, and waits for their end; how many there were.
Result<std::size_t> kill_strays(const Mark& mark);

}  // namespace weft::supervision
