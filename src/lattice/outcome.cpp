// SPDX-License-Identifier: Apache-2.0
#include "lattice/outcome.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <optional>
#include <utility>

namespace weft::lattice {
namespace {

std::string text_of(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Error failed(std::string message) {
  return Error(Errc::refused, message.empty() ? "the host gives no reason" : std::move(message), {}, Blame::operator_);
}

Error unknown_outcome() {
  return Error(Errc::deadline_exceeded, "the command was accepted, but nothing tells yet what came of it",
               "look with: weft ops; or wait longer with --timeout", Blame::environment);
}

/// The outcome that an event tells, if it is one that is waited for.
std::optional<Result<std::string>> told_by(const wire::Event& event, const ExpectedEvents& expected) {
  const bool good = event.name == expected.success;
  const bool bad = !expected.failure.empty() && event.name == expected.failure;
  if ((!good && !bad) || event.source != expected.host_id) return std::nullopt;
  boost::system::error_code unreadable;
  const auto data = boost::json::parse(event.data, unreadable);
  if (unreadable || !data.is_object()) return std::nullopt;
  if (!expected.member.empty() && text_of(data.get_object(), expected.member) != expected.id) return std::nullopt;
  if (bad) return Result<std::string>(failed(text_of(data.get_object(), "error")));
  return Result<std::string>(std::string());
}

}  // namespace

ExpectedEvents expect_component(std::string host_id, std::string component_id) {
  return {.host_id = std::move(host_id),
          .member = "component_id",
          .id = std::move(component_id),
          .success = "component_scaled",
          .failure = "component_scale_failed"};
}

ExpectedEvents expect_provider_start(std::string host_id, std::string provider_id) {
  return {.host_id = std::move(host_id),
          .member = "provider_id",
          .id = std::move(provider_id),
          .success = "provider_started",
          .failure = "provider_start_failed"};
}

ExpectedEvents expect_host_stop(std::string host_id) {
  return {.host_id = std::move(host_id), .member = {}, .id = {}, .success = "host_stopped", .failure = {}};
}

ExpectedEvents expect_answer(std::string host_id) {
  return {.host_id = std::move(host_id), .member = {}, .id = {}, .success = {}, .failure = {}};
}

async::Task<Outcome> OutcomeWaiter::run(Send send, ExpectedEvents expected, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  boost::asio::steady_timer timer(shard_.io(), deadline);
  std::optional<Result<std::string>> told;
  WEFT_CO_TRY(const auto subscription, client_.on_event([&told, &timer, &expected](const wire::Event& event) {
    if (told) return;
    told = told_by(event, expected);
    if (told) timer.cancel();
  }));
  const bool host_stops = expected.success == "host_stopped";
  const auto lost = client_.on_lost([&told, &timer, host_stops] {
    // A daemon that stops takes its socket with it; its last event may not come through any more.
    if (told || !host_stops) return;
    told = Result<std::string>(std::string());
    timer.cancel();
  });
  // A server may learn of the subscription after the command otherwise.
  WEFT_CO_CHECK(co_await client_.flush());
  WEFT_CO_TRY(auto accepted, co_await send());
  // A host that stops has said all that its journal will ever say.
  if (!accepted.operation.empty() && !host_stops) {
    WEFT_CO_TRY(auto message, co_await from_journal(expected.host_id, accepted.operation, deadline));
    co_return Outcome{std::move(accepted), std::move(message)};
  }
  if (expected.success.empty()) {
    auto message = accepted.message;
    co_return Outcome{std::move(accepted), std::move(message)};
  }
  if (!told) co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (!told) co_return unknown_outcome();
  WEFT_CO_TRY(auto message, *std::move(told));
  co_return Outcome{std::move(accepted), std::move(message)};
}

async::Task<std::string> OutcomeWaiter::from_journal(std::string host_id, std::string operation,
                                                     Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left <= std::chrono::milliseconds::zero()) co_return unknown_outcome();
    const auto journal = co_await client_.wait_operation(host_id, operation, left);
    if (!journal) {
      if (journal.error().code() == Errc::deadline_exceeded) continue;
      co_return journal.error();
    }
    if (journal->state == OperationState::failed) co_return failed(journal->message);
    if (journal->state == OperationState::done) co_return journal->message;
  }
}

}  // namespace weft::lattice
