// SPDX-License-Identifier: Apache-2.0
#include "web/request_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>

namespace weft::web {
namespace {

namespace http = boost::beast::http;

std::string_view to_std(boost::beast::string_view view) noexcept { return {view.data(), view.size()}; }

/// The names lie in the session's own buffer, which parse_head() and parse_body() received as mutable.
void lower_in_place(std::string_view name) noexcept {
  auto* const first = const_cast<char*>(name.data());
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (first[i] >= 'A' && first[i] <= 'Z') first[i] = static_cast<char>(first[i] | 0x20);
  }
}

Refusal judge_error(const boost::beast::error_code& error, std::string_view head) noexcept {
  if (error == http::error::bad_version) return judge_version(head);
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length) {
    return {400, "the Content-Length header is not valid"};
  }
  if (error == http::error::bad_transfer_encoding) return {400, "the Transfer-Encoding header is not valid"};
  if (error == http::error::bad_method || error == http::error::bad_target)
    return {400, "the request line is malformed"};
  return {400, "a header is malformed"};
}

}  // namespace

void RequestParser::Events::on_request_impl(http::verb, View method, View target, int version, ErrorCode&) {
  owner_.head_->method = to_std(method);
  owner_.target_ = to_std(target);
  owner_.facts_.version = version;
}

void RequestParser::Events::on_field_impl(Field field, View name, View value, ErrorCode& error) {
  owner_.take_field(field, to_std(name), to_std(value));
  if (owner_.refusal_) error = http::error::bad_field;
}

std::size_t RequestParser::Events::on_body_impl(View body, ErrorCode&) {
  owner_.piece_ = to_std(body);
  return body.size();
}

void RequestParser::Events::on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) {
  owner_.extension_bytes_ += extensions.size();
  if (!is_chunk_extension(to_std(extensions)) || owner_.extension_bytes_ > kMaxExtensionBytes) {
    owner_.refusal_ = {400, "a chunk extension is malformed or too long"};
    error = http::error::bad_chunk_extension;
    return;
  }
  owner_.chunk_rest_ = size;
  // Saturates: a sum that overflows exceeds any limit.
  const auto room = std::numeric_limits<std::uint64_t>::max() - owner_.announced_bytes_;
  owner_.announced_bytes_ += std::min(size, room);
  if (size > room) {
    owner_.refusal_ = {400, "the chunks are too long"};
    error = http::error::bad_chunk;
  }
}

std::size_t RequestParser::Events::on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) {
  owner_.piece_ = to_std(body);
  owner_.chunk_rest_ -= body.size();
  return body.size();
}

void RequestParser::reset() {
  parser_.emplace(*this);
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
  parser_->body_limit(boost::none);
  facts_ = {};
  refusal_ = {};
  target_ = {};
  nominated_.clear();
  trailers_.clear();
  piece_ = {};
  body_bytes_ = announced_bytes_ = chunk_rest_ = 0;
  is_chunked_ = false;
  extension_bytes_ = 0;
  says_close_ = says_keep_alive_ = keep_alive_ = expects_continue_ = false;
}

void RequestParser::take_connection(std::string_view value) {
  for (const auto& token : http::opt_token_list{boost::beast::string_view{value.data(), value.size()}}) {
    const auto name = to_std(token);
    if (equals_ignoring_case(name, "close")) {
      says_close_ = true;
    } else if (equals_ignoring_case(name, "keep-alive")) {
      says_keep_alive_ = true;
    } else if (nominated_.size() < kMaxFields) {
      nominated_.push_back(name);
    }
  }
}

void RequestParser::take_field(http::field field, std::string_view name, std::string_view value) {
  lower_in_place(name);
  auto& fields = head_ != nullptr ? head_->headers : trailers_;
  if (fields.size() == kMaxFields) {
    refusal_ = {431, "too many header fields"};
    return;
  }
  if (head_ == nullptr) {
    if (!is_forbidden_trailer(name)) trailers_.push_back({name, value});
    return;
  }
  const auto count = [value](std::size_t& counter, std::string_view& kept) {
    ++counter;
    kept = value;
  };
  if (field == http::field::host) {
    count(facts_.hosts, facts_.host);
  } else if (field == http::field::content_length) {
    count(facts_.lengths, facts_.length);
  } else if (field == http::field::transfer_encoding) {
    count(facts_.codings, facts_.coding);
  } else if (field == http::field::expect) {
    count(facts_.expectations, facts_.expectation);
  } else if (field == http::field::connection) {
    take_connection(value);
  }
  if (!is_hop_by_hop(name)) head_->headers.push_back({name, value});
}

void RequestParser::drop_nominated(RequestHead& head) {
  for (const auto name : nominated_) {
    // What frames or routes the message is never the connection's to remove.
    if (equals_ignoring_case(name, "host") || equals_ignoring_case(name, "content-length")) continue;
    std::erase_if(head.headers, [name](const HeaderView& header) { return equals_ignoring_case(header.name, name); });
  }
}

Refusal RequestParser::parse_head(std::span<char> bytes, RequestHead& head) {
  head.headers.clear();
  head_ = &head;
  boost::beast::error_code error;
  const auto used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  head_ = nullptr;
  if (refusal_) return refusal_;
  if (error) return judge_error(error, {bytes.data(), bytes.size()});
  if (used != bytes.size() || !parser_->is_header_done()) return {400, "the head is malformed"};

  const auto framing = judge_framing(facts_);
  if (framing.refusal) return framing.refusal;
  const auto target = split_target(head.method, target_);
  if (target.refusal) return target.refusal;
  drop_nominated(head);
  keep_alive_ = is_http_1_0() ? says_keep_alive_ && !says_close_ : !says_close_;
  expects_continue_ = framing.expects_continue;
  head.scheme = "http";
  head.authority = target.authority.empty() ? facts_.host : target.authority;
  head.path_and_query = target.path_and_query;
  head.content_length = framing.content_length;
  is_chunked_ = framing.chunked;
  head.has_body = framing.chunked || framing.content_length.value_or(0) > 0;
  return {};
}

BodyStep RequestParser::parse_body(std::span<char> bytes, std::uint64_t max_body_bytes) {
  BodyStep step;
  for (;;) {
    if (parser_->is_done()) {
      step.state = BodyStep::State::end;
      return step;
    }
    const auto rest = bytes.subspan(step.consumed);
    const bool between_chunks = is_chunked_ && chunk_rest_ == 0;
    if (rest.size() < (between_chunks ? kShortestLastChunk : 1)) return step;
    piece_ = {};
    boost::beast::error_code error;
    const auto used = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    if (refusal_) {
      step.state = BodyStep::State::refused;
      step.refusal = refusal_;
      return step;
    }
    if (error && error != http::error::need_more) {
      step.state = BodyStep::State::refused;
      step.refusal = {400, "the body is malformed"};
      return step;
    }
    step.consumed += used;
    if (announced_bytes_ > max_body_bytes) {
      step.state = BodyStep::State::refused;
      step.refusal = {413, "the body is too large"};
      return step;
    }
    if (error) return step;
    if (!piece_.empty()) {
      body_bytes_ += piece_.size();
      step.piece = piece_;
      step.state = BodyStep::State::piece;
      return step;
    }
    if (parser_->is_done() && has_folded_line({rest.data(), used})) {
      step.state = BodyStep::State::refused;
      step.refusal = {400, "a trailer is folded over lines"};
      return step;
    }
  }
}

}  // namespace weft::web
