// SPDX-License-Identifier: Apache-2.0
/// What a provider keeps for each link of which it is the target, found by the caller and the link's name.
/// Threads: find() on the shard that is given, find_anywhere() any; put() and erase() one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "builtins/pair_key.hpp"
#include "builtins/published.hpp"

namespace weft::builtins {

template <class T>
class LinkMap {
 public:
  explicit LinkMap(std::size_t shards) : map_(shards, std::make_shared<const Map>()) {}

  /// Null: there is no such link.
  [[nodiscard]] std::shared_ptr<T> find(std::size_t shard, std::string_view source, std::string_view name) {
    return find_in(*map_.read(shard), source, name);
  }
  [[nodiscard]] std::shared_ptr<T> find_anywhere(std::string_view source, std::string_view name) const {
    return find_in(*map_.get(), source, name);
  }

  void put(const std::string& source, const std::string& name, std::shared_ptr<T> value) {
    auto next = std::make_shared<Map>(*map_.get());
    (*next)[PairKey{source, name}] = std::move(value);
    map_.publish(std::move(next));
  }
  void erase(const std::string& source, const std::string& name) {
    auto next = std::make_shared<Map>(*map_.get());
    if (const auto found = next->find(PairView(source, name)); found != next->end()) next->erase(found);
    map_.publish(std::move(next));
  }

 private:
  using Map = std::unordered_map<PairKey, std::shared_ptr<T>, PairHash, PairEqual>;

  static std::shared_ptr<T> find_in(const Map& map, std::string_view source, std::string_view name) {
    const auto found = map.find(PairView(source, name));
    return found == map.end() ? nullptr : found->second;
  }

  Published<Map> map_;
};

}  // namespace weft::builtins
