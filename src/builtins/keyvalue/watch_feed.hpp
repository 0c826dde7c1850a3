// SPDX-License-Identifier: Apache-2.0
/// Tells one linked component of changes in a store, through wrpc:keyvalue/watcher: one call after the other, in the
/// order of the changes.
///
/// Ownership: shared by the link and the call under way. Threads: any. A component that is slower than the changes is
/// waited for; past kMaxWaiting changes the oldest are dropped. What is dropped, and what a component failed to take,
/// is told in the log: the first of a row at once, how many when it is over. Nothing is told twice.
/// Source: data-plane facts 3.5 and 3.11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <weft/caller.hpp>
#include <weft/log.hpp>

#include "builtins/loss_log.hpp"

namespace weft::builtins::keyvalue {

/// Which changes a link asks for: "SET@key,DEL@key".
struct WatchList {
  std::set<std::string, std::less<>> set;
  std::set<std::string, std::less<>> erased;
  bool is_everything = false;

  /// Errors: invalid_argument.
  static Result<WatchList> parse(std::string_view text);
  [[nodiscard]] bool wants_set(std::string_view key) const { return is_everything || set.contains(key); }
  [[nodiscard]] bool wants_erased(std::string_view key) const { return is_everything || erased.contains(key); }
};

struct Change {
  std::string key;
  std::optional<std::string> value;  ///< nothing: the key was erased
};

class WatchFeed : public std::enable_shared_from_this<WatchFeed> {
 public:
  static constexpr std::size_t kMaxWaiting = 4'096;

  struct Options {
    std::string provider;
    std::string component;
    std::string link_name;
    std::string link_interface;  ///< "wasi:keyvalue/watcher"
    std::string bucket;          ///< the first parameter of every call
  };
  WatchFeed(Options options, std::shared_ptr<Caller> caller, LogSink log);

  void push(Change change);
  /// Forgets what waits; the call under way goes on.
  void close();

 private:
  void send(Change change);
  void sent(const Result<void>& outcome);

  const Options options_;
  const std::shared_ptr<Caller> caller_;
  LossLog losses_;
  std::mutex mutex_;
  std::deque<Change> waiting_;
  bool is_busy_ = false;
  bool is_closed_ = false;
};

}  // namespace weft::builtins::keyvalue
