// SPDX-License-Identifier: Apache-2.0
#include "wrpc/outgoing_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "wrpc/call_headers.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A status that the server puts in the place of an accept.
Error status_error(std::string_view status, const bus::Message& message, const std::string& subject) {
  if (status == bus::kNobodyListens) {
    return {Errc::unavailable, fmt::format("nobody serves {}", subject), "start what it names, on any host",
            Blame::environment};
  }
  if (status == "408") {
    return {Errc::deadline_exceeded, fmt::format("the server gave up waiting for {}", subject), {}, Blame::environment};
  }
  return {Errc::unavailable,
          fmt::format("{} was not delivered: {} {}", subject, status, message.header("Description")),
          {},
          Blame::environment};
}

/// What the header promised does not hold: there is more than one message has room for.
void take_back_completeness(std::vector<bus::MessageHeader>& headers) {
  for (auto& header : headers) {
    if (auto said = header.name == kCallHeader ? decode_weft_call(header.value) : std::nullopt) {
      said->is_complete = false;
      header.value = encode_weft_call(*said);
    }
  }
}

}  // namespace

Result<void> publish_chunks(Port& port, const std::string& subject, std::string_view bytes) {
  const auto most = std::max<std::size_t>(port.max_payload(), 1);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, most);
    WEFT_CHECK(port.publish({.subject = subject, .reply = {}, .headers = {}, .payload = std::string(piece)}));
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Result<void> publish_end(Port& port, const std::string& subject) {
  return port.publish({.subject = subject, .reply = {}, .headers = {}, .payload = {}});
}

Result<void> publish_nothing(Port& port, const std::string& subject) {
  WEFT_CHECK(publish_chunks(port, subject, std::string_view("\0", 1)));
  return publish_end(port, subject);
}

Result<void> publish_taken(Port& port, const std::string& inbox, const Taken& taken) {
  return port.publish({.subject = fmt::format("{}.{}.{}", inbox, kTaken, taken.path),
                       .reply = {},
                       .headers = {},
                       .payload = taken.bytes ? std::to_string(*taken.bytes) : std::string()});
}

std::optional<Taken> taken_of(std::string_view channel, std::string_view payload) noexcept {
  if (!channel.starts_with(kTaken) || channel.size() <= kTaken.size() + 1 || channel[kTaken.size()] != '.') {
    return std::nullopt;
  }
  const auto path = channel.substr(kTaken.size() + 1);
  if (payload.empty()) {
    return Taken{.path = path, .bytes = std::nullopt};
  }
  std::uint64_t bytes = 0;
  const auto* const begin = payload.data();
  const auto* const end = begin + payload.size();
  const auto [at, error] = std::from_chars(begin, end, bytes);
  if (error != std::errc() || at != end) {
    return std::nullopt;
  }
  return Taken{.path = path, .bytes = bytes};
}

OutgoingCall::OutgoingCall(Port& port, OutgoingEvents& events, OutgoingCallSpec spec)
    : port_(port), events_(events), spec_(std::move(spec)), is_promised_(spec_.is_complete) {}

Result<void> OutgoingCall::start(std::span<const std::byte> params) {
  const auto bytes = text_of(params);
  if (!spec_.detour) {
    return send_first(spec_.subject, bytes);
  }
  held_ = bytes;
  is_looking_ = true;
  return port_.publish({.subject = spec_.detour->question,
                        .reply = fmt::format("{}.{}", spec_.inbox, kWho),
                        .headers = {},
                        .payload = {}});
}

Result<void> OutgoingCall::send_first(std::string subject, std::string_view bytes) {
  const auto taken = spec_.inbox.size() + header_bytes(spec_.headers);
  const auto room = port_.max_payload() > taken ? port_.max_payload() - taken : 0;
  bus::Message first{.subject = std::move(subject),
                     .reply = spec_.inbox,
                     .headers = spec_.detour ? spec_.headers : std::move(spec_.headers),
                     .payload = std::string(bytes.substr(0, room))};
  rest_ = bytes.substr(first.payload.size());
  if (!rest_.empty()) {
    take_back_completeness(first.headers);
    is_promised_ = false;
  }
  return port_.publish(std::move(first));
}

void OutgoingCall::send_held(std::string subject) {
  is_looking_ = false;
  if (auto sent = send_first(std::move(subject), held_); !sent) {
    is_over_ = is_closed_ = true;
    return events_.on_failed(std::move(sent).error(), Delivery::not_delivered);
  }
  events_.on_sent();
}

void OutgoingCall::stop_looking() {
  if (is_looking_) {
    send_held(spec_.subject);
  }
}

void OutgoingCall::on_who(const bus::Message& message) {
  if (!is_looking_) {
    return;
  }
  if (message.header(bus::kStatusHeader) == bus::kNobodyListens) {
    // No weft host serves it; others may.
    return stop_looking();
  }
  if (!message.reply.empty() && !spec_.detour->silent->contains(message.payload)) {
    is_direct_ = true;
    send_held(fmt::format("{}.{}", message.reply, spec_.detour->function));
  }
}

void OutgoingCall::receive(std::string_view channel, bus::Message message) {
  if (is_closed_) {
    return;
  }
  if (channel == kWho) {
    return on_who(message);
  }
  if (is_looking_) {
    return;  // nobody can know of the call yet
  }
  if (channel.empty()) {
    if (!is_over_) {
      on_handshake(std::move(message));
    }
    return;
  }
  if (channel == kAlive) {
    return on_alive(message);
  }
  if (const auto taken = taken_of(channel, message.payload)) {
    return events_.on_taken(*taken);
  }
  const bool is_root = channel == kResults;
  if (!is_root && !(channel.starts_with(kResults) && channel[kResults.size()] == '.')) {
    return;  // nobody's
  }
  // Nobody knows the inbox before the call is sent; but only who has accepted may use what is below it.
  if (!is_accepted()) {
    fail(Error(Errc::malformed, fmt::format("who serves {} sent results before it accepted the call", spec_.subject),
               "it does not speak wrpc.0.0.1", Blame::peer));
  } else if (!is_root) {
    events_.on_channel(channel.substr(kResults.size() + 1), message.payload);
  } else if (!is_over_) {
    on_root(std::move(message.payload));
  }
}

void OutgoingCall::on_handshake(bus::Message message) {
  if (const auto status = message.header(bus::kStatusHeader); !status.empty() && !status.starts_with('2')) {
    if (is_accepted()) {
      return;  // somebody has it, whatever is said now
    }
    if (status == bus::kNobodyListens && std::exchange(is_direct_, false)) {
      return send_held(spec_.subject);  // gone since it answered: provably nobody has it
    }
    is_over_ = is_closed_ = true;
    events_.on_failed(status_error(status, message, spec_.subject),
                      status == bus::kNobodyListens ? Delivery::not_delivered : Delivery::unknown);
    return;
  }
  if (const auto answer = message.header(kAnswerHeader); !answer.empty()) {
    is_over_ = is_closed_ = true;
    if (answer == "results") {
      events_.on_results(std::move(message.payload), OutgoingEvents::Nested::empty);
    } else {
      events_.on_failed(decode_error(message.payload), Delivery::accepted);
    }
    return;
  }
  if (message.reply.empty()) {
    fail(Error(Errc::malformed, fmt::format("who serves {} answered the call without an inbox", spec_.subject),
               "it does not speak wrpc.0.0.1", Blame::peer));
    return;
  }
  // A second accept is a lie, or two servers that are in no queue group: the first has the call.
  if (!is_accepted()) {
    accept(message);
  }
}

void OutgoingCall::accept(const bus::Message& message) {
  peer_inbox_ = message.reply;
  held_ = {};
  peer_is_weft_ = !message.header(kAcceptHeader).empty();
  if (auto sent = send_rest(); !sent) {
    fail(std::move(sent).error());
    return;
  }
  events_.on_accepted();
}

Result<void> OutgoingCall::send_rest() {
  const auto root = fmt::format("{}.{}", peer_inbox_, kParams);
  if (is_promised_ && peer_is_weft_) {
    return {};  // it has been told that there is nothing more
  }
  WEFT_CHECK(publish_chunks(port_, root, rest_));
  rest_ = {};
  WEFT_CHECK(publish_end(port_, root));
  if (spec_.is_complete) {
    for (const auto path : spec_.pending) {
      WEFT_CHECK(publish_nothing(port_, params_subject(path)));
    }
  }
  return {};
}

void OutgoingCall::on_root(std::string payload) {
  if (payload.empty()) {
    is_over_ = true;
    events_.on_results(std::move(results_), OutgoingEvents::Nested::follow);
    return;
  }
  if (payload.size() > spec_.max_value_bytes - results_.size()) {
    fail(Error(Errc::resource_exhausted,
               fmt::format("the results of {} are more than {} bytes", spec_.subject, spec_.max_value_bytes), {},
               Blame::peer));
    return;
  }
  if (results_.empty()) {
    results_ = std::move(payload);
  } else {
    results_ += payload;
  }
}

void OutgoingCall::probe() noexcept {
  if (!is_closed_ && is_accepted() && peer_is_weft_) {
    // What cannot be sent is asked again.
    (void)port_.publish({.subject = fmt::format("{}.{}", peer_inbox_, kAlive),
                         .reply = fmt::format("{}.{}", spec_.inbox, kAlive),
                         .headers = {},
                         .payload = {}});
  }
}

void OutgoingCall::on_alive(const bus::Message& message) {
  if (is_accepted() && message.header(bus::kStatusHeader) == bus::kNobodyListens) {
    fail(Error(Errc::unavailable, fmt::format("the host that had accepted {} is gone", spec_.subject),
               "whether it was carried out is not known", Blame::environment));
  }
}

Result<void> OutgoingCall::send(std::string_view path, std::string_view piece) {
  return publish_chunks(port_, params_subject(path), piece);
}

Result<void> OutgoingCall::finish(std::string_view path) { return publish_end(port_, params_subject(path)); }

Result<void> OutgoingCall::acknowledge(const Taken& taken) {
  if (!is_accepted() || !peer_is_weft_ || is_closed_) {
    return {};
  }
  return publish_taken(port_, peer_inbox_, taken);
}

void OutgoingCall::cancel() noexcept {
  is_over_ = true;
  is_looking_ = false;
  if (!std::exchange(is_closed_, true) && is_accepted() && peer_is_weft_) {
    // Nothing is lost if it cannot be sent: the peer's own deadline ends the call.
    (void)publish_end(port_, fmt::format("{}.{}", peer_inbox_, kCancel));
  }
}

void OutgoingCall::fail(Error error) {
  is_over_ = is_closed_ = true;
  const auto delivery = is_accepted() ? Delivery::accepted : Delivery::unknown;
  events_.on_failed(std::move(error), delivery);
}

std::string OutgoingCall::params_subject(std::string_view path) const {
  return fmt::format("{}.{}.{}", peer_inbox_, kParams, path);
}

}  // namespace weft::wrpc
