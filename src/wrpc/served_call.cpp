// SPDX-License-Identifier: Apache-2.0
#include "wrpc/served_call.hpp"

#include <algorithm>
#include <utility>

#include "wrpc/call_headers.hpp"

namespace weft::wrpc {
namespace {

using Clock = ShardEndpoint::Clock;

/// Who calls when the message does not say, as providers of 1.x have it.
constexpr std::string_view kUnknownSource = "<unknown>";

}  // namespace

ServedCall::ServedCall(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target,
                       bus::Message message)
    : endpoint_(endpoint),
      owner_(owner),
      target_(std::move(target)),
      number_(endpoint.add(*this)),
      call_(endpoint, *this, std::move(message), endpoint.inbox(number_), endpoint.config().max_value_bytes) {}

ServedCall::~ServedCall() { endpoint_.remove(number_); }

void ServedCall::begin() {
  run([this] {
    wait_at_most(endpoint_.config().params_timeout);
    if (!call_.start()) {
      return end();
    }
    if (!is_over_) {
      on_begun();
    }
  });
}

void ServedCall::on_message(std::string_view channel, bus::Message message) {
  run([&] { call_.receive(channel, message); });
}

void ServedCall::on_deadline() {
  on_lost(Error(Errc::deadline_exceeded, "the caller did not go on with its call in time", {}, Blame::peer));
}

void ServedCall::on_lost(const Error& error) {
  run([&] {
    fail(error);
    end();
  });
}

void ServedCall::on_gone(Error /*error*/) { end(); }

dispatch::CallContext ServedCall::context() const {
  const auto& weft = call_.weft();
  const auto source = call_.header(kSourceHeader);
  const auto link_name = call_.header(kLinkNameHeader);
  return {.source = source.empty() ? kUnknownSource : source,
          .link_name = link_name.empty() ? "default" : link_name,
          .deadline = weft && weft->timeout ? Clock::now() + *weft->timeout : Clock::time_point::max(),
          .depth = weft ? weft->depth : 0,
          .trace_parent = call_.header(kTraceParentHeader),
          .trace_state = call_.header(kTraceStateHeader),
          .deadline_for_streams = !weft};
}

ServedFunction::ServedFunction(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target,
                               dispatch::FunctionName function, bus::Message message)
    : ServedCall(endpoint, owner, std::move(target), std::move(message)), function_(std::move(function)) {
  for (const auto& path : function_.param_paths) {
    inboxes_.push_back(std::make_shared<ChannelInbox>(static_cast<StreamOwner&>(*this), path, endpoint.backlog()));
  }
}

ServedFunction::~ServedFunction() {
  for (const auto& inbox : inboxes_) {
    if (is_answered_ && inbox->is_open()) {
      (void)call().acknowledge({.path = inbox->path(), .bytes = std::nullopt});
    }
    inbox->leave();
    inbox->break_off(Error(Errc::cancelled, "the caller does not wait any more", {}, Blame::peer));
  }
}

void ServedFunction::on_begun() {
  if (!call().settle()) {
    end();
  }
}

void ServedFunction::on_params(std::string params) {
  stop_waiting();
  params_ = std::move(params);
  dispatch::Channels channels;
  for (const auto& inbox : inboxes_) {
    if (call().has_no_nested()) {
      inbox->receive({});
    }
    channels.push_back({.path = inbox->path(), .channel = ChannelInbox::channel(inbox)});
  }
  auto pending = target().invoke(endpoint().shard(),
                                 {.interface = function_.interface,
                                  .function = function_.function,
                                  .params = std::as_bytes(std::span(params_)),
                                  .context = context(),
                                  .channels = channels.empty() ? nullptr : &channels},
                                 *this);
  if (pending) {
    pending_ = std::move(pending);
  }
}

void ServedFunction::on_channel(std::string_view path, std::string_view piece) {
  for (const auto& inbox : inboxes_) {
    if (inbox->path() == path) {
      return inbox->receive(piece);
    }
  }
}

void ServedFunction::on_taken(const Taken& taken) {
  for (const auto& sender : senders_) {
    if (sender->path() == taken.path) {
      return sender->acknowledge(taken);
    }
  }
}

void ServedFunction::on_gone(Error error) {
  pending_.reset();
  ServedCall::on_gone(std::move(error));
}

void ServedFunction::fail(const Error& error) {
  // Who cannot be told has lost the connection, and knows.
  if (!is_answered_) {
    (void)call().fail(error);
  }
  for (const auto& inbox : inboxes_) {
    inbox->break_off(error);
  }
}

void ServedFunction::on_results(std::span<const std::byte> results) {
  run([&] {
    is_answered_ = true;
    (void)call().answer({reinterpret_cast<const char*>(results.data()), results.size()});
    end_if_over();
  });
}

void ServedFunction::on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) {
  run([&] {
    is_answered_ = true;
    (void)call().begin_answer({reinterpret_cast<const char*>(results.data()), results.size()});
    for (auto& [path, channel] : channels) {
      senders_.push_back(std::make_unique<ChannelSender>(static_cast<StreamOwner&>(*this), std::move(path),
                                                         std::move(channel), call().weft().has_value()));
    }
    for (std::size_t index = 0; index < senders_.size(); ++index) {
      senders_[index]->start();
    }
    end_if_over();
  });
}

void ServedFunction::on_sent(std::string_view /*path*/) {
  run([this] { end_if_over(); });
}

void ServedFunction::on_inbox_closed() {
  run([this] { end_if_over(); });
}

/// What is called may read on when it has answered.
void ServedFunction::end_if_over() {
  if (is_answered_ && std::ranges::all_of(senders_, [](const auto& sender) { return sender->is_done(); }) &&
      std::ranges::all_of(inboxes_, [](const auto& inbox) { return inbox->is_closed(); })) {
    end();
  }
}

}  // namespace weft::wrpc
