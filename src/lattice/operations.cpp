// SPDX-License-Identifier: Apache-2.0
#include "lattice/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <ranges>
#include <utility>

namespace weft::lattice {
namespace {

namespace json = boost::json;

std::string_view to_text(OperationState state) {
  switch (state) {
    case OperationState::running:
      return "running";
    case OperationState::done:
      return "done";
    case OperationState::failed:
      return "failed";
  }
  return "running";
}

json::object to_json(const Operation& operation) {
  json::object object{{"id", operation.id},           {"kind", operation.kind},
                      {"about", operation.about},     {"state", to_text(operation.state)},
                      {"message", operation.message}, {"started", operation.started}};
  if (!operation.finished.empty()) {
    object["finished"] = operation.finished;
  }
  return object;
}

std::string text_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<Operation> from_json(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr || text_of(*object, "id").empty()) {
    return Error(Errc::malformed, "an operation is an object with an id", {}, Blame::peer);
  }
  const auto state = text_of(*object, "state");
  return Operation{.id = text_of(*object, "id"),
                   .kind = text_of(*object, "kind"),
                   .about = text_of(*object, "about"),
                   .state = state == "done"     ? OperationState::done
                            : state == "failed" ? OperationState::failed
                                                : OperationState::running,
                   .message = text_of(*object, "message"),
                   .started = text_of(*object, "started"),
                   .finished = text_of(*object, "finished")};
}

Result<json::value> parse(std::string_view text) {
  boost::system::error_code failed;
  auto value = json::parse(text, failed);
  if (failed) {
    return Error(Errc::malformed, "the answer about operations is not JSON", {}, Blame::peer);
  }
  return value;
}

}  // namespace

std::string encode(const Operation& operation) { return json::serialize(to_json(operation)); }

Result<Operation> decode_operation(std::string_view text) {
  WEFT_TRY(const auto value, parse(text));
  return from_json(value);
}

std::string encode(const std::vector<Operation>& operations) {
  json::array array;
  for (const auto& operation : operations) {
    array.push_back(to_json(operation));
  }
  return json::serialize(array);
}

Result<std::vector<Operation>> decode_operations(std::string_view text) {
  WEFT_TRY(const auto value, parse(text));
  const auto* array = value.if_array();
  if (array == nullptr) {
    return Error(Errc::malformed, "the list of operations is no list", {}, Blame::peer);
  }
  std::vector<Operation> operations;
  for (const auto& element : *array) {
    WEFT_TRY(auto operation, from_json(element));
    operations.push_back(std::move(operation));
  }
  return operations;
}

Operations::Operations(async::Shard& shard, std::function<std::string()> new_id, std::function<std::string()> now)
    : shard_(shard), new_id_(std::move(new_id)), now_(std::move(now)) {}

std::string Operations::begin(std::string_view kind) {
  forget_old();
  operations_.push_back({.id = new_id_(),
                         .kind = std::string(kind),
                         .about = {},
                         .state = OperationState::running,
                         .message = "accepted",
                         .started = now_(),
                         .finished = {}});
  return operations_.back().id;
}

void Operations::about(std::string_view id, std::string about) {
  if (auto* operation = find_mutable(id)) {
    operation->about = std::move(about);
  }
}

void Operations::progress(std::string_view id, std::string_view message) {
  if (auto* operation = find_mutable(id)) {
    operation->message = message;
  }
}

void Operations::done(std::string_view id, std::string_view message) {
  finish(id, OperationState::done, std::string(message));
}

void Operations::failed(std::string_view id, const Error& error) {
  finish(id, OperationState::failed, error.to_string());
}

void Operations::finish(std::string_view id, OperationState state, std::string message) {
  auto* operation = find_mutable(id);
  if (operation == nullptr || operation->state != OperationState::running) {
    return;
  }
  operation->state = state;
  operation->message = std::move(message);
  operation->finished = now_();
  count(*operation);
  for (auto& waiter : waiters_) {
    if (waiter.id == id) {
      waiter.timer.cancel();
    }
  }
}

void Operations::count(const Operation& finished) {
  auto found = std::ranges::find(counts_, finished.kind, &Count::kind);
  if (found == counts_.end()) {
    found = counts_.insert(found, Count{.kind = finished.kind});
  }
  ++(finished.state == OperationState::done ? found->done : found->failed);
}

std::size_t Operations::running() const {
  return static_cast<std::size_t>(std::ranges::count(operations_, OperationState::running, &Operation::state));
}

const Operation* Operations::find(std::string_view id) const {
  const auto found = std::ranges::find(operations_, id, &Operation::id);
  return found == operations_.end() ? nullptr : &*found;
}

Operation* Operations::find_mutable(std::string_view id) {
  // From the back: what is asked for is nearly always young.
  const auto found = std::find_if(operations_.rbegin(), operations_.rend(),
                                  [id](const Operation& operation) { return operation.id == id; });
  return found == operations_.rend() ? nullptr : &*found;
}

std::vector<Operation> Operations::list(std::size_t limit) const {
  const auto newest = operations_ | std::views::reverse | std::views::take(limit);
  return {newest.begin(), newest.end()};
}

async::Task<Operation> Operations::wait(std::string id, std::chrono::milliseconds timeout) {
  const auto* operation = find(id);
  if (operation == nullptr) {
    co_return Error(Errc::not_found, fmt::format("there is no operation {}", id),
                    "list those that are remembered with: weft ops", Blame::operator_);
  }
  if (operation->state == OperationState::running) {
    const auto waiter = waiters_.emplace(waiters_.end(), id, boost::asio::steady_timer(shard_.io(), timeout));
    co_await waiter->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    waiters_.erase(waiter);
    operation = find(id);
  }
  if (operation == nullptr) {
    co_return Error(Errc::not_found, fmt::format("operation {} has been forgotten", id));
  }
  co_return *operation;
}

void Operations::forget_old() {
  if (operations_.size() < kKept) {
    return;
  }
  const auto old = std::ranges::find_if(
      operations_, [](const Operation& operation) { return operation.state != OperationState::running; });
  if (old != operations_.end()) {
    operations_.erase(old);
  }
}

}  // namespace weft::lattice
