// SPDX-License-Identifier: Apache-2.0
#include "web/response_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>
#include <utility>

#include "web/framing.hpp"

namespace weft::web {
namespace {

namespace http = boost::beast::http;

std::string_view to_std(boost::beast::string_view view) noexcept { return {view.data(), view.size()}; }

std::string to_lower(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return text;
}

}  // namespace

void ResponseParser::Events::on_response_impl(int status, View /*reason*/, int version, ErrorCode& /*error*/) {
  owner_.head_.status = static_cast<unsigned>(status);
  owner_.version_ = version;
}

void ResponseParser::Events::on_field_impl(Field field, View name, View value, ErrorCode& error) {
  owner_.take_field(field, to_std(name), to_std(value));
  if (!owner_.problem_.empty()) error = http::error::bad_field;
}

std::size_t ResponseParser::Events::on_body_impl(View body, ErrorCode& /*error*/) {
  owner_.piece_ = to_std(body);
  return body.size();
}

void ResponseParser::Events::on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) {
  owner_.extension_bytes_ += extensions.size();
  if (!is_chunk_extension(to_std(extensions)) || owner_.extension_bytes_ > kMaxExtensionBytes) {
    owner_.problem_ = "a chunk extension is malformed or too long";
    error = http::error::bad_chunk_extension;
  }
  owner_.chunk_rest_ = size;
}

std::size_t ResponseParser::Events::on_chunk_body_impl(std::uint64_t /*remain*/, View body, ErrorCode& /*error*/) {
  owner_.piece_ = to_std(body);
  owner_.chunk_rest_ -= body.size();
  return body.size();
}

void ResponseParser::reset(std::string_view method, std::size_t max_header_bytes) {
  is_head_request_ = method == "HEAD";
  max_header_bytes_ = max_header_bytes;
  interim_ = 0;
  reset_message();
}

void ResponseParser::reset_message() {
  parser_.emplace(*this);
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
  parser_->body_limit(boost::none);
  parser_->skip(is_head_request_);
  scanned_ = 0;
  head_ = {};
  trailers_.clear();
  nominated_.clear();
  lengths_.clear();
  codings_.clear();
  chunk_rest_ = 0;
  extension_bytes_ = 0;
  problem_ = {};
  problem_fault_ = HttpFault::http_protocol_error;
  head_given_ = says_close_ = says_keep_alive_ = keep_alive_ = false;
}

void ResponseParser::take_field(http::field field, std::string_view name, std::string_view value) {
  auto& fields = head_given_ ? trailers_ : head_.headers;
  if (fields.size() == kMaxResponseFields) {
    problem_ = "too many header fields";
    problem_fault_ =
        head_given_ ? HttpFault::http_response_trailer_section_size : HttpFault::http_response_header_section_size;
    return;
  }
  auto lower = to_lower(name);
  if (!is_field_value(value)) {
    problem_ = "a header holds a character that is not valid";
    return;
  }
  if (head_given_) {
    if (!is_forbidden_trailer(lower)) fields.push_back({std::move(lower), std::string(value)});
    return;
  }
  if (field == http::field::content_length) lengths_.emplace_back(value);
  if (field == http::field::transfer_encoding) codings_.emplace_back(value);
  if (field == http::field::connection) {
    for (const auto& token : http::opt_token_list{boost::beast::string_view{value.data(), value.size()}}) {
      const auto option = to_std(token);
      says_close_ = says_close_ || equals_ignoring_case(option, "close");
      says_keep_alive_ = says_keep_alive_ || equals_ignoring_case(option, "keep-alive");
      if (nominated_.size() < kMaxResponseFields) nominated_.push_back(to_lower(option));
    }
  }
  if (!is_hop_by_hop(lower)) fields.push_back({std::move(lower), std::string(value)});
}

ResponseStep ResponseParser::refuse(HttpFault fault, std::string_view reason) noexcept {
  ResponseStep step;
  step.state = ResponseStep::State::refused;
  step.fault = fault;
  step.reason = reason;
  return step;
}

ResponseStep ResponseParser::parse(std::span<const char> bytes) {
  return head_given_ ? parse_body(bytes) : parse_head(bytes);
}

ResponseStep ResponseParser::parse_head(std::span<const char> bytes) {
  if (bytes.empty()) return {};
  constexpr std::string_view begin = "HTTP/1.";
  const std::string_view text(bytes.data(), bytes.size());
  if (const auto size = std::min(text.size(), begin.size()); text.substr(0, size) != begin.substr(0, size))
    return refuse(HttpFault::http_protocol_error, "the answer is not HTTP/1");
  const auto scan = scan_head(text, scanned_);
  if (scan.state == HeadScan::State::refused)
    return refuse(HttpFault::http_protocol_error, "the response's head has a folded line or a bare line feed");
  if (scan.size > max_header_bytes_ || (scan.state == HeadScan::State::need_more && text.size() >= max_header_bytes_))
    return refuse(HttpFault::http_response_header_section_size, "the response's head is too large");
  if (scan.state == HeadScan::State::need_more) return {};
  boost::beast::error_code error;
  const auto used = parser_->put(boost::asio::const_buffer(text.data(), scan.size), error);
  if (!problem_.empty()) return refuse(problem_fault_, problem_);
  if (error || used != scan.size || !parser_->is_header_done())
    return refuse(HttpFault::http_protocol_error, "the response's head is malformed");
  auto step = finish_head();
  if (step.state != ResponseStep::State::refused) step.consumed = scan.size;
  return step;
}

/// One length, or several that agree on one number.
bool ResponseParser::judge_length() noexcept {
  return std::ranges::all_of(lengths_,
                             [this](const auto& text) { return parse_length(text) && text == lengths_.front(); });
}

ResponseStep ResponseParser::finish_head() {
  if (head_.status == 101) return refuse(HttpFault::http_upgrade_failed, "the server changes the protocol");
  if (head_.status < 200) {
    if (++interim_ > kMaxInterim) return refuse(HttpFault::http_protocol_error, "too many interim answers");
    reset_message();
    ResponseStep step;
    step.state = ResponseStep::State::need_more;
    return step;
  }
  if (head_.status > 599) return refuse(HttpFault::http_protocol_error, "the response's status is out of range");
  if (!codings_.empty() && (codings_.size() > 1 || !equals_ignoring_case(codings_.front(), "chunked")))
    return refuse(HttpFault::http_response_transfer_coding, "a transfer coding other than chunked");
  if (!codings_.empty() && !lengths_.empty())
    return refuse(HttpFault::http_protocol_error, "both Content-Length and Transfer-Encoding");
  if (!codings_.empty() && version_ < 11)
    return refuse(HttpFault::http_protocol_error, "Transfer-Encoding in HTTP/1.0");
  if (!judge_length()) return refuse(HttpFault::http_protocol_error, "the Content-Length is not one number");
  if (lengths_.size() > 1) {
    bool first = true;
    std::erase_if(head_.headers, [&first](const Header& header) {
      return header.name == "content-length" && !std::exchange(first, false);
    });
  }
  std::erase_if(head_.headers, [this](const Header& header) {
    return header.name != "content-length" && std::ranges::find(nominated_, header.name) != nominated_.end();
  });
  const bool closes = parser_->need_eof() && !parser_->is_done();
  keep_alive_ = !says_close_ && (version_ >= 11 || says_keep_alive_) && !closes;
  head_given_ = true;
  ResponseStep step;
  step.state = ResponseStep::State::head;
  return step;
}

ResponseStep ResponseParser::parse_body(std::span<const char> bytes) {
  ResponseStep step;
  for (;;) {
    if (parser_->is_done()) {
      step.state = ResponseStep::State::end;
      return step;
    }
    const auto rest = bytes.subspan(step.consumed);
    const bool between_chunks = !codings_.empty() && chunk_rest_ == 0;
    if (rest.size() < (between_chunks ? kShortestLastChunk : 1)) return step;
    piece_ = {};
    boost::beast::error_code error;
    const auto used = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    if (!problem_.empty()) return refuse(problem_fault_, problem_);
    if (error == http::error::need_more) {
      step.consumed += used;
      if (between_chunks && bytes.size() - step.consumed >= max_header_bytes_)
        return refuse(HttpFault::http_response_trailer_section_size, "the response's trailers are too large");
      return step;
    }
    if (error) return refuse(HttpFault::http_protocol_error, "the response's body is malformed");
    step.consumed += used;
    if (!piece_.empty()) {
      step.piece = piece_;
      step.state = ResponseStep::State::piece;
      return step;
    }
    if (parser_->is_done() && has_folded_line({rest.data(), used}))
      return refuse(HttpFault::http_protocol_error, "a trailer is folded over lines");
  }
}

ResponseStep ResponseParser::parse_eof(std::size_t rest) {
  if (!head_given_) {
    return refuse(rest == 0 && scanned_ == 0 ? HttpFault::connection_terminated : HttpFault::http_response_incomplete,
                  "the server closed before its answer");
  }
  ResponseStep step;
  step.state = ResponseStep::State::end;
  if (parser_->is_done()) return step;
  boost::beast::error_code error;
  if (rest == 0) parser_->put_eof(error);
  if (rest != 0 || error) return refuse(HttpFault::http_response_incomplete, "the server closed amid its answer");
  return step;
}

}  // namespace weft::web
