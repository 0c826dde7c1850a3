// SPDX-License-Identifier: Apache-2.0
#include "host/spy/spy_sessions.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <utility>

#include "async/deadline.hpp"

namespace weft::host {
namespace {

using Clock = std::chrono::steady_clock;

/// Calls that become text at a time.
constexpr std::size_t kBatch = 256;
/// No encoding takes more bytes for what is so many bytes of text, within reason: five for a number of one digit.
constexpr std::size_t kBytesForText = 4;
/// Of an answer, for what stands around the calls.
constexpr std::size_t kEnvelopeBytes = 256;

Error over() {
  return {Errc::not_found, "this host knows nothing of that watch: it has ended", "begin another", Blame::peer};
}

}  // namespace

struct SpySessions::Session {
  Session(async::Shard& control, std::string its_id, Door its_door, const wire::SpyQuestion& question)
      : id(std::move(its_id)),
        door(its_door),
        filter{.component = question.component, .interface = question.interface, .function = question.function},
        text_bytes(question.text_bytes),
        news(control.io()) {}

  struct Told {
    std::uint64_t number;
    std::string json;
  };

  std::string id;
  Door door;
  CallFilter filter;
  std::size_t text_bytes;
  std::deque<SeenCall> seen;  ///< not yet text
  std::size_t seen_bytes = 0;
  std::deque<Told> told;  ///< text, and not known to have arrived
  std::uint64_t last_number = 0;
  std::uint64_t dropped = 0;
  std::uint64_t tap_dropped = 0;  ///< of the tap when this began
  bool is_asked = false;          ///< a question is being answered
  bool is_over = false;
  Clock::time_point asked;         ///< last
  boost::asio::steady_timer news;  ///< cancelled when there is something to tell
};

SpySessions::SpySessions(World world) : world_(std::move(world)), tasks_(world_.control) {}

SpySessions::~SpySessions() = default;

SpySessions::Place SpySessions::find(const std::string& id, Door door) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() || found->second->door != door ? nullptr : found->second;
}

std::uint64_t SpySessions::dropped(const Session& session) const noexcept {
  return session.dropped + world_.tap.dropped() - session.tap_dropped;
}

async::Task<std::string> SpySessions::begin(wire::SpyQuestion question, Door door) {
  if (sessions_.size() >= kMaxSessions) {
    co_return Error(Errc::resource_exhausted, "as many watch this host's calls as may at once",
                    "end one of the others, or try again in some seconds", Blame::environment);
  }
  const auto session = std::make_shared<Session>(world_.control, world_.new_id(), door, question);
  session->asked = Clock::now();
  session->tap_dropped = world_.tap.dropped();
  sessions_.emplace(session->id, session);
  if (!std::exchange(is_watching_leases_, true)) {
    tasks_.spawn("leases of spies", watch_leases());
  }
  WEFT_CO_CHECK(co_await apply());
  co_return wire::encode_spy_answer(session->id, 0, {});
}

async::Task<std::string> SpySessions::ask(std::string text, Door door, std::size_t max_bytes) {
  WEFT_CO_TRY(auto question, wire::decode_spy_question(text));
  if (question.session.empty()) {
    co_return co_await begin(std::move(question), door);
  }
  const auto session = find(question.session, door);
  if (!session) {
    co_return over();
  }
  if (question.end) {
    WEFT_CO_CHECK(co_await remove(session->id));
    co_return wire::encode_spy_answer(session->id, dropped(*session), {});
  }
  if (std::exchange(session->is_asked, true)) {
    co_return Error(Errc::conflict, "somebody waits for the calls of this watch already", "ask one after the other",
                    Blame::peer);
  }
  while (!session->told.empty() && session->told.front().number <= question.after) {
    session->told.pop_front();
  }
  if (session->told.empty() && session->seen.empty() && question.wait.count() != 0) {
    session->news.expires_after(question.wait);
    co_await session->news.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  Result<void> made;
  if (session->told.empty() && !session->is_over) {
    made = co_await make_texts(session);
  }
  session->is_asked = false;
  session->asked = Clock::now();
  if (session->is_over) {
    co_return over();
  }
  WEFT_CO_CHECK(made);
  std::vector<std::string> calls;
  std::size_t size = kEnvelopeBytes;
  while (calls.size() < session->told.size() && size + session->told[calls.size()].json.size() < max_bytes) {
    size += session->told[calls.size()].json.size() + 1;
    calls.push_back(session->told[calls.size()].json);
  }
  if (calls.empty() && !session->told.empty()) {
    session->told.pop_front();  // it never fits
    ++session->dropped;
  }
  co_return wire::encode_spy_answer(session->id, dropped(*session), calls);
}

async::Task<void> SpySessions::make_texts(Place session) {
  struct Batch {
    std::vector<std::pair<SeenCall, CallCode>> calls;
    std::uint64_t number = 0;
    std::size_t text_bytes = 0;
  };
  const auto batch = std::make_shared<Batch>();
  batch->number = session->last_number;
  batch->text_bytes = session->text_bytes;
  while (!session->seen.empty() && batch->calls.size() < kBatch) {
    auto call = std::move(session->seen.front());
    session->seen.pop_front();
    session->seen_bytes -= call.weight();
    CallCode code{.caller = world_.code_of(call.source), .callee = world_.code_of(call.target)};
    batch->calls.emplace_back(std::move(call), std::move(code));
  }
  if (batch->calls.empty()) {
    co_return Result<void>();
  }
  session->last_number += batch->calls.size();
  const auto write = [batch]() -> Result<std::vector<Session::Told>> {
    std::vector<Session::Told> told;
    CallTexts texts(batch->text_bytes);
    for (auto& [call, code] : batch->calls) {
      auto spied = texts.tell(std::move(call), code);
      spied.number = ++batch->number;
      told.push_back({.number = spied.number, .json = wire::encode(spied)});
    }
    return told;
  };
  WEFT_CO_TRY(auto told, co_await world_.pool.run(write));
  std::ranges::move(told, std::back_inserter(session->told));
  co_return Result<void>();
}

void SpySessions::take(const std::vector<SeenCall>& calls) {
  for (const auto& call : calls) {
    for (auto& [id, session] : sessions_) {
      if (!session->filter.matches(call.source, call.target, call.interface, call.function)) {
        continue;
      }
      if (session->seen_bytes + call.weight() > kMaxSeenBytes) {
        ++session->dropped;
        continue;
      }
      session->seen_bytes += call.weight();
      session->seen.push_back(call);
      session->news.cancel();
    }
  }
}

/// What all sessions together want to see.
async::Task<void> SpySessions::apply() {
  if (sessions_.empty()) {
    return world_.tap.set(nullptr);
  }
  auto settings = std::make_shared<TapSettings>();
  for (const auto& [id, session] : sessions_) {
    settings->wanted.push_back(session->filter);
    settings->max_bytes = std::max(settings->max_bytes, kBytesForText * session->text_bytes);
  }
  return world_.tap.set(std::move(settings));
}

async::Task<void> SpySessions::remove(const std::string& id) {
  if (const auto found = sessions_.find(id); found != sessions_.end()) {
    found->second->is_over = true;
    found->second->news.cancel();
    sessions_.erase(found);
  }
  return apply();
}

async::Task<void> SpySessions::watch_leases() {
  while (!sessions_.empty()) {
    WEFT_CO_CHECK(co_await async::sleep_for(world_.lease / 10));
    const auto last = Clock::now() - world_.lease;
    std::vector<std::string> over;
    for (const auto& [id, session] : sessions_) {
      if (!session->is_asked && session->asked < last) {
        over.push_back(id);
      }
    }
    for (const auto& id : over) {
      WEFT_CO_CHECK(co_await remove(id));
    }
  }
  is_watching_leases_ = false;
  co_return Result<void>();
}

boost::asio::awaitable<void> SpySessions::close() {
  for (const auto& [id, session] : std::exchange(sessions_, {})) {
    session->is_over = true;
    session->news.cancel();
  }
  co_await tasks_.close();
}

}  // namespace weft::host
