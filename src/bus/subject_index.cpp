// SPDX-License-Identifier: Apache-2.0
#include "bus/subject_index.hpp"

#include <algorithm>
#include <utility>

namespace weft::bus {

std::uint64_t SubjectIndex::add(Listener listener) {
  const std::uint64_t id = next_id_++;
  if (has_wildcard(listener.pattern)) {
    wildcard_.push_back(id);
  } else {
    literal_[listener.pattern].push_back(id);
  }
  listeners_.emplace(id, std::move(listener));
  return id;
}

void SubjectIndex::remove(std::uint64_t id) {
  const auto found = listeners_.find(id);
  if (found == listeners_.end()) {
    return;
  }
  if (const auto place = literal_.find(found->second.pattern); place != literal_.end()) {
    std::erase(place->second, id);
    if (place->second.empty()) {
      literal_.erase(place);
    }
  } else {
    std::erase(wildcard_, id);
  }
  listeners_.erase(found);
}

std::vector<Listener> SubjectIndex::take_all() {
  std::vector<Listener> all;
  all.reserve(listeners_.size());
  for (auto& [id, listener] : listeners_) {
    all.push_back(std::move(listener));
  }
  listeners_.clear();
  literal_.clear();
  wildcard_.clear();
  return all;
}

template <class Visit>
void SubjectIndex::visit(std::string_view subject, Visit visit) const {
  if (const auto place = literal_.find(subject); place != literal_.end()) {
    for (const auto id : place->second) {
      visit(listeners_.at(id));
    }
  }
  for (const auto id : wildcard_) {
    if (const auto& listener = listeners_.at(id); matches(listener.pattern, subject)) {
      visit(listener);
    }
  }
}

std::vector<std::shared_ptr<ShardQueue<Message>>> SubjectIndex::find(std::string_view subject) {
  std::vector<std::shared_ptr<ShardQueue<Message>>> chosen;
  // As in a NATS server, a group is its name: members may listen to different patterns.
  std::map<std::string_view, std::vector<const Listener*>> groups;
  visit(subject, [&](const Listener& listener) {
    if (listener.queue_group.empty()) {
      chosen.push_back(listener.queue);
    } else {
      groups[listener.queue_group].push_back(&listener);
    }
  });
  for (const auto& [name, members] : groups) {
    const std::size_t pick = std::uniform_int_distribution<std::size_t>(0, members.size() - 1)(chance_);
    chosen.push_back(members[pick]->queue);
  }
  return chosen;
}

std::shared_ptr<ShardQueue<Message>> SubjectIndex::queue_of(std::uint64_t id) const {
  const auto found = listeners_.find(id);
  return found == listeners_.end() ? nullptr : found->second.queue;
}

std::vector<std::uint64_t> SubjectIndex::ids() const {
  std::vector<std::uint64_t> all;
  all.reserve(listeners_.size());
  for (const auto& [id, listener] : listeners_) {
    all.push_back(id);
  }
  return all;
}

}  // namespace weft::bus
