// SPDX-License-Identifier: Apache-2.0
#include "wrpc/incoming_call.hpp"

#include <fmt/format.h>

#include <utility>

#include "wrpc/subjects.hpp"

namespace weft::wrpc {

IncomingCall::IncomingCall(Port& port, IncomingEvents& events, bus::Message call, std::string inbox,
                           std::size_t max_value_bytes)
    : port_(port),
      events_(events),
      call_(std::move(call)),
      inbox_(std::move(inbox)),
      max_value_bytes_(max_value_bytes),
      params_(std::move(call_.payload)) {
  if (const auto said = call_.header(kCallHeader); !said.empty()) {
    weft_ = decode_weft_call(said);
  }
}

Result<void> IncomingCall::start() {
  if (!has_no_nested()) {
    return accept();
  }
  has_params_ = true;
  events_.on_params(std::move(params_));
  return {};
}

Result<void> IncomingCall::settle() { return is_accepted_ || is_answered_ ? Result<void>() : accept(); }

Result<void> IncomingCall::accept() {
  is_accepted_ = true;
  bus::Message message{.subject = call_.reply, .reply = inbox_, .headers = {}, .payload = {}};
  if (weft_) {
    message.headers.push_back({.name = std::string(kAcceptHeader), .value = "1"});
  }
  return port_.publish(std::move(message));
}

void IncomingCall::receive(std::string_view channel, const bus::Message& message) {
  if (is_gone_) {
    return;
  }
  if (channel == kParams) {
    on_root(message.payload);
  } else if (channel == kCancel) {
    is_gone_ = true;
    events_.on_gone(Error(Errc::cancelled, "the caller does not wait any more", {}, Blame::peer));
  } else if (const auto taken = taken_of(channel, message.payload)) {
    events_.on_taken(*taken);
  } else if (channel.starts_with(kParams) && channel[kParams.size()] == '.') {
    events_.on_channel(channel.substr(kParams.size() + 1), message.payload);
  }
}

void IncomingCall::on_root(const std::string& payload) {
  if (has_params_ || is_answered_) {
    return;  // a caller that has gone may end the channel once more
  }
  if (payload.empty()) {
    has_params_ = true;
    events_.on_params(std::move(params_));
    return;
  }
  if (payload.size() > max_value_bytes_ - std::min(max_value_bytes_, params_.size())) {
    has_params_ = is_gone_ = true;
    Error error(Errc::resource_exhausted, fmt::format("the parameters are more than {} bytes", max_value_bytes_), {},
                Blame::peer);
    (void)fail(error);
    events_.on_gone(std::move(error));
    return;
  }
  params_ += payload;
}

bool IncomingCall::can_answer_directly(std::size_t bytes, std::string_view kind) const {
  if (!weft_) {
    return false;
  }
  return bytes + header_bytes({{.name = std::string(kAnswerHeader), .value = std::string(kind)}}) <=
         port_.max_payload();
}

Result<void> IncomingCall::answer_directly(std::string_view kind, std::string_view payload) {
  return port_.publish({.subject = call_.reply,
                        .reply = {},
                        .headers = {{.name = std::string(kAnswerHeader), .value = std::string(kind)}},
                        .payload = std::string(payload)});
}

Result<void> IncomingCall::answer(std::string_view results, std::span<const std::string_view> pending) {
  is_answered_ = true;
  if (can_answer_directly(results.size(), "results")) {
    return answer_directly("results", results);
  }
  WEFT_CHECK(begin_answer(results));
  for (const auto path : pending) {
    WEFT_CHECK(publish_nothing(port_, fmt::format("{}.{}", results_subject(), path)));
  }
  return {};
}

Result<void> IncomingCall::begin_answer(std::string_view results) {
  is_answered_ = true;
  if (!is_accepted_) {
    WEFT_CHECK(accept());
  }
  const auto subject = results_subject();
  WEFT_CHECK(publish_chunks(port_, subject, results));
  return publish_end(port_, subject);
}

Result<void> IncomingCall::send(std::string_view path, std::string_view piece) {
  return publish_chunks(port_, fmt::format("{}.{}", results_subject(), path), piece);
}

Result<void> IncomingCall::finish(std::string_view path) {
  return publish_end(port_, fmt::format("{}.{}", results_subject(), path));
}

Result<void> IncomingCall::acknowledge(const Taken& taken) {
  return weft_ ? publish_taken(port_, call_.reply, taken) : Result<void>();
}

Result<void> IncomingCall::fail(const Error& error) {
  is_answered_ = true;
  if (weft_) {
    const auto payload = encode_error(error);
    if (can_answer_directly(payload.size(), "error")) {
      return answer_directly("error", payload);
    }
  }
  if (!is_accepted_) {
    WEFT_CHECK(accept());
  }
  return publish_end(port_, results_subject());
}

std::string IncomingCall::results_subject() const { return fmt::format("{}.{}", call_.reply, kResults); }

}  // namespace weft::wrpc
