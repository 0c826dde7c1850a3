// SPDX-License-Identifier: Apache-2.0
#include "web/client_exchange.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "web/framing.hpp"
#include "web/response_writer.hpp"

namespace weft::web {
namespace {

using Clock = ClientConnection::Clock;

constexpr std::size_t kMaxReplay = std::size_t{64} * 1024;
constexpr std::size_t kMinRoom = 512;

Clock::time_point after(std::chrono::nanoseconds duration) noexcept {
  const auto now = Clock::now();
  return duration >= Clock::time_point::max() - now ? Clock::time_point::max() : now + duration;
}

}  // namespace

ClientExchange::ClientExchange(std::shared_ptr<ClientShard> shard, Exchange& exchange)
    : shard_(std::move(shard)), exchange_(exchange) {
  shard_->begin(*this);
}

ClientExchange::~ClientExchange() {
  release(Reuse::no);
  shard_->end(*this);
}

void ClientExchange::start() {
  const auto& request = exchange_.request();
  if (shard_->is_closing()) return fail(HttpFault::destination_unavailable, "the client is closing");
  if (request.scheme != "http" && request.scheme != "https" && !request.scheme.empty())
    return fail(HttpFault::http_protocol_error, "the scheme is neither http nor https");
  plan_ = append_request_head(out_, request, shard_->config().user_agent);
  if (!plan_.valid) return fail(plan_.fault, plan_.reason);
  request_done_ = !request.has_body;
  if (!request_done_ && plan_.framing == RequestFraming::none) request_done_ = true;
  key_ = std::string(request.scheme == "http" ? "http " : "https ").append(request.authority);
  acquire();
}

void ClientExchange::acquire() {
  connection_ = shard_->take(key_);
  if (connection_ == nullptr) return connect();
  reused_ = replayable_ = true;
  connection_->set_owner(this);
  begin();
}

void ClientExchange::connect() {
  const auto& request = exchange_.request();
  reused_ = replayable_ = false;
  connection_ = shard_->make(key_, make_client_target(request.scheme, request.authority));
  if (connection_ == nullptr)
    return fail(HttpFault::connection_limit_reached, "too many connections to this server at once");
  connection_->set_owner(this);
  arm(Wait::connect);
  connection_->open();
}

void ClientExchange::on_open() { begin(); }

void ClientExchange::begin() {
  parser_.reset(exchange_.request().method, shard_->config().max_header_bytes);
  arm(Wait::first_byte);
  flush();
  read_more();
}

/// Writes what there is to write, or asks for more.
void ClientExchange::flush() {
  if (writing_ || over_ || waits_for_ == Wait::connect) return;
  if (out_.empty() || broken_pipe_) {
    out_.clear();
    return want_body();
  }
  if (replayable_ && replay_.size() + out_.size() > kMaxReplay) {
    replayable_ = false;
    replay_ = {};
  }
  if (replayable_) replay_.append(out_);
  writing_ = true;
  connection_->write(std::exchange(out_, {}));
}

void ClientExchange::want_body() {
  if (request_done_ || asked_for_body_ || broken_pipe_) return;
  asked_for_body_ = true;
  exchange_.read_body();
}

void ClientExchange::on_body(std::span<const std::byte> piece) {
  asked_for_body_ = false;
  if (over_) return;
  const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
  body_bytes_ += text.size();
  if (plan_.framing == RequestFraming::length && body_bytes_ > plan_.length)
    return fail(HttpFault::http_request_body_size, "the request's body is longer than its Content-Length");
  if (plan_.framing == RequestFraming::chunked && !text.empty()) {
    append_chunk_start(out_, text.size());
    out_.append(text).append("\r\n");
  } else {
    out_.append(text);
  }
  if (waits_for_ == Wait::first_byte) arm(Wait::first_byte);
  flush();
}

void ClientExchange::on_body_end(std::span<const HeaderView> trailers) {
  asked_for_body_ = false;
  if (over_) return;
  if (plan_.framing == RequestFraming::length && body_bytes_ != plan_.length)
    return fail(HttpFault::http_request_body_size, "the request's body is shorter than its Content-Length");
  request_done_ = true;
  if (plan_.framing == RequestFraming::chunked) {
    std::vector<Header> copies;
    copies.reserve(trailers.size());
    for (const auto& [name, value] : trailers) copies.push_back({std::string(name), std::string(value)});
    append_last_chunk(out_, copies);
  }
  if (waits_for_ == Wait::first_byte) arm(Wait::first_byte);
  flush();
}

void ClientExchange::on_written(bool sent) {
  writing_ = false;
  // The server may have answered before it closed: whether it has, the reading side will tell.
  if (!sent) broken_pipe_ = true;
  if (waits_for_ == Wait::first_byte) arm(Wait::first_byte);
  flush();
}

void ClientExchange::read_more() {
  if (reading_ || over_) return;
  auto& in = connection_->buffer();
  if (in.data == nullptr) in = shard_->buffers().take(kLargeBuffer);
  if (in.empty()) in.begin = in.end = 0;
  if (in.begin > 0 && in.room().size() < kMinRoom) {
    std::memmove(in.data.get(), in.unread().data(), in.unread().size());
    in.end -= in.begin;
    in.begin = 0;
  }
  if (in.room().empty()) {
    // The parser refuses what is over its limit before this grows far.
    auto larger = shard_->buffers().take(in.capacity * 2);
    std::memcpy(larger.data.get(), in.unread().data(), in.unread().size());
    larger.end = in.unread().size();
    shard_->buffers().give(std::exchange(in, std::move(larger)));
  }
  if (parser_.is_head_done()) arm(Wait::between_bytes);
  reading_ = true;
  connection_->read();
}

void ClientExchange::on_read(ReadEnd end, std::size_t /*bytes*/) {
  reading_ = false;
  if (end != ReadEnd::data) return server_closed(end);
  begun_ = true;
  replayable_ = false;
  replay_ = {};
  if (waits_for_ == Wait::between_bytes) arm(Wait::none);
  pump();
}

/// Gives what has come to the Exchange, until it has to wait or needs more.
void ClientExchange::pump() {
  while (!over_ && !server_waits_) {
    auto& in = connection_->buffer();
    const auto step = parser_.parse(in.unread());
    switch (step.state) {
      case ResponseStep::State::need_more:
        in.begin += step.consumed;
        // After an interim answer the rest may be here already.
        if (step.consumed > 0 && !in.empty() && !parser_.is_head_done()) continue;
        return read_more();
      case ResponseStep::State::head:
        in.begin += step.consumed;
        give_head();
        break;
      case ResponseStep::State::piece:
        server_waits_ = true;
        exchange_.send_body(std::as_bytes(std::span(step.piece)));
        in.begin += step.consumed;
        break;
      case ResponseStep::State::end:
        in.begin += step.consumed;
        return complete();
      case ResponseStep::State::refused:
        return fail(step.fault, step.reason);
    }
  }
}

void ClientExchange::give_head() {
  arm(Wait::none);
  if (!exchange_.send_head(std::move(parser_.head())))
    fail(HttpFault::http_protocol_error, "the response's head is not valid");
}

void ClientExchange::on_writable() {
  server_waits_ = false;
  pump();
}

void ClientExchange::server_closed(ReadEnd end) {
  if (!begun_ && try_again()) return;
  if (end == ReadEnd::gone) return fail(HttpFault::connection_terminated, "the connection broke");
  const auto step = parser_.parse_eof(connection_->buffer().unread().size());
  step.state == ResponseStep::State::end ? complete() : fail(step.fault, step.reason);
}

/// A kept connection may have been closed while our request was on its way.
bool ClientExchange::try_again() {
  if (!reused_ || !replayable_) return false;
  // What has not been written yet stays behind what has.
  out_.insert(0, replay_);
  replay_ = {};
  shard_->drop(key_, std::exchange(connection_, nullptr));
  writing_ = broken_pipe_ = false;
  connect();
  return true;
}

void ClientExchange::complete() {
  std::vector<Header> trailers(parser_.trailers().begin(), parser_.trailers().end());
  // With all the bytes it was promised the server does not wait for us to see the end.
  const bool sent = request_done_ || (plan_.framing == RequestFraming::length && body_bytes_ == plan_.length);
  const bool whole = sent && !writing_ && out_.empty() && !broken_pipe_;
  const bool reusable = whole && !reading_ && parser_.keep_alive() && connection_->buffer().empty();
  over_ = true;
  release(reusable ? Reuse::yes : Reuse::no);
  exchange_.finish(trailers);
}

void ClientExchange::fail(HttpFault fault, std::string_view reason) {
  if (std::exchange(over_, true)) return;
  // The reason may lie in the connection.
  const std::string text(reason);
  release(Reuse::no);
  exchange_.fault(fault, text);
}

void ClientExchange::cancel() { fail(HttpFault::connection_terminated, "the client is closing"); }

void ClientExchange::release(Reuse reuse) {
  over_ = true;
  if (auto connection = std::exchange(connection_, nullptr)) {
    connection->set_owner(nullptr);
    reuse == Reuse::yes ? shard_->keep(key_, std::move(connection)) : shard_->drop(key_, connection);
  }
}

void ClientExchange::arm(Wait wait) {
  const auto& timeouts = exchange_.request().timeouts;
  const auto limit = shard_->config().timeout;
  waits_for_ = wait;
  switch (wait) {
    case Wait::none:
      return connection_->set_deadline(Clock::time_point::max());
    case Wait::connect:
      return connection_->set_deadline(after(timeouts.connect.value_or(limit)));
    case Wait::first_byte:
      return connection_->set_deadline(after(timeouts.first_byte.value_or(limit)));
    case Wait::between_bytes:
      return connection_->set_deadline(after(timeouts.between_bytes.value_or(limit)));
  }
}

void ClientExchange::on_deadline() {
  switch (waits_for_) {
    case Wait::none:
      return;
    case Wait::connect:
      return fail(HttpFault::connection_timeout, "the connection took too long");
    case Wait::first_byte:
      if (writing_) return fail(HttpFault::connection_write_timeout, "the server takes nothing more of the request");
      return fail(HttpFault::connection_read_timeout, "the server took too long to answer");
    case Wait::between_bytes:
      return fail(HttpFault::connection_read_timeout, "the server took too long between two pieces of its answer");
  }
}

}  // namespace weft::web
