// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/watch_feed.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace weft::builtins::keyvalue {
namespace {

constexpr std::string_view kWatcher = "wrpc:keyvalue/watcher@0.2.0-draft";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Result<WatchList> WatchList::parse(std::string_view text) {
  WatchList list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto entry = trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (entry.empty()) continue;
    const auto at = entry.find('@');
    std::string event(trim(entry.substr(0, at)));
    std::ranges::transform(event, event.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    const std::string key(at == std::string_view::npos ? std::string_view() : trim(entry.substr(at + 1)));
    if (key.empty() || (event != "SET" && event != "DEL")) {
      return Error(Errc::invalid_argument, "watch has an entry that is none: " + std::string(entry),
                   "it is a list such as SET@key,DEL@key", Blame::operator_);
    }
    (event == "SET" ? list.set : list.erased).insert(key);
  }
  return list;
}

WatchFeed::WatchFeed(Options options, std::shared_ptr<Caller> caller, LogSink log)
    : options_(std::move(options)),
      caller_(std::move(caller)),
      losses_(std::move(log), options_.provider, options_.component + " is not told of a change") {}

void WatchFeed::push(Change change) {
  bool is_next = false;
  {
    const std::scoped_lock lock(mutex_);
    if (is_closed_) return;
    is_next = !std::exchange(is_busy_, true);
    if (!is_next) {
      waiting_.push_back(std::move(change));
      if (waiting_.size() <= kMaxWaiting) return;
      waiting_.pop_front();
    }
  }
  is_next ? send(std::move(change)) : losses_.lost("it is slower than the changes");  // NOLINT(bugprone-use-after-move)
}

void WatchFeed::send(Change change) {
  LinkedCall call{.link_name = options_.link_name,
                  .link_interface = options_.link_interface,
                  .interface = std::string(kWatcher),
                  .function = change.value ? "on-set" : "on-delete"};
  const auto done = [self = shared_from_this()](const Result<void>& outcome) { self->sent(outcome); };
  if (change.value) {
    call_linked<void>(*caller_, std::move(call), done, options_.bucket, change.key,
                      std::as_bytes(std::span(*change.value)));
  } else {
    call_linked<void>(*caller_, std::move(call), done, options_.bucket, change.key);
  }
}

void WatchFeed::sent(const Result<void>& outcome) {
  std::optional<Change> next;
  bool is_closed = false;
  {
    const std::scoped_lock lock(mutex_);
    is_closed = is_closed_;
    if (is_closed_ || waiting_.empty()) {
      is_busy_ = false;
    } else {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
  }
  if (outcome) {
    losses_.delivered();
  } else if (!is_closed) {
    losses_.lost(outcome.error().to_string());
  }
  if (next) send(*std::move(next));
}

void WatchFeed::close() {
  const std::scoped_lock lock(mutex_);
  is_closed_ = true;
  waiting_.clear();
}

}  // namespace weft::builtins::keyvalue
