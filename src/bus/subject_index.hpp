// SPDX-License-Identifier: Apache-2.0
/// Who listens to a subject. Literal subjects are found by hash; only patterns with wildcards are compared one by one.
/// Threads: not thread-safe, the bus serialises.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bus/bus.hpp"
#include "bus/shard_queue.hpp"

namespace weft::bus {

struct Listener {
  std::string pattern;
  std::string queue_group;
  std::shared_ptr<ShardQueue<Message>> queue;
};

class SubjectIndex {
 public:
  /// The number to remove it by.
  std::uint64_t add(Listener listener);
  void remove(std::uint64_t id);
  /// Every listener, and the index is empty.
  std::vector<Listener> take_all();
  /// All plain listeners that match, and one of each queue group, chosen by chance so that each gets its share.
  std::vector<std::shared_ptr<ShardQueue<Message>>> find(std::string_view subject);
  /// Null if there is none of that number.
  [[nodiscard]] std::shared_ptr<ShardQueue<Message>> queue_of(std::uint64_t id) const;
  [[nodiscard]] std::vector<std::uint64_t> ids() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  template <class Visit>
  void visit(std::string_view subject, Visit visit) const;

  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Listener> listeners_;
  std::unordered_map<std::string, std::vector<std::uint64_t>, Hash, std::equal_to<>> literal_;
  std::vector<std::uint64_t> wildcard_;
  std::minstd_rand chance_{1};
};

}  // namespace weft::bus
