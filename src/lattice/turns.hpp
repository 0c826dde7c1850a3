// SPDX-License-Identifier: Apache-2.0
/// Lets tasks that change the same thing do so one after the other, in the order in which they asked: a host that
/// reads, changes and writes with revisions would otherwise run into its own writes. Ownership: a Turn keeps its Turns
/// alive and ends with its scope. Threads: one shard.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "async/completion.hpp"

namespace weft::lattice {

class Turns : public std::enable_shared_from_this<Turns> {
 public:
  class Turn {
   public:
    Turn(std::shared_ptr<Turns> turns, std::string name) : turns_(std::move(turns)), name_(std::move(name)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_) turns_->next(name_);
    }

   private:
    std::shared_ptr<Turns> turns_;
    std::string name_;
  };

  async::Task<Turn> take(std::string name) {
    if (const auto [place, free] = waiting_.try_emplace(name); !free) {
      WEFT_CO_CHECK(co_await async::wait_for_completion<void>(
          [queue = &place->second](async::Completion<void> granted) { queue->push_back(std::move(granted)); }));
    }
    co_return Turn(shared_from_this(), std::move(name));
  }

 private:
  void next(const std::string& name) {
    auto& queue = waiting_[name];
    while (!queue.empty()) {
      const auto granted = std::move(queue.front());
      queue.pop_front();
      if (granted.complete({})) return;  // else it has been cancelled meanwhile
    }
    waiting_.erase(name);
  }

  std::map<std::string, std::deque<async::Completion<void>>> waiting_;  ///< there: somebody has the turn
};

}  // namespace weft::lattice
