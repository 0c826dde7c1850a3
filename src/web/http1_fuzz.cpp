// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a connection full of HTTP/1.1 requests, through the code a session uses, twice: all at once, and
// cut into pieces as the first byte says. Both must see the same requests, bodies, trailers and refusals. What passed
// must hold the promises that smuggling attacks on: one authority, one framing, no control characters, no blank in a
// name.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "web/framing.hpp"
#include "web/request_parser.hpp"

namespace {

using namespace weft::web;

constexpr std::size_t kMaxHead = std::size_t{16} * 1024;
constexpr std::uint64_t kMaxBody = 1 << 20;

void insist(bool condition) {
  if (!condition) std::abort();
}

void check_head(const RequestHead& head) {
  insist(is_token(head.method));
  insist(head.authority.empty() || is_authority(head.authority));
  insist(!head.path_and_query.empty());
  insist(head.path_and_query == "*" || head.path_and_query.front() == '/');
  insist(std::ranges::all_of(head.path_and_query, [](char c) { return c > ' ' && c < 0x7f; }));
  insist(head.headers.size() <= kMaxFields);
  for (const auto& [name, value] : head.headers) {
    insist(is_token(name) && is_field_value(value) && !is_hop_by_hop(name));
    insist(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
    if (name == "content-length") insist(parse_length(value) == head.content_length);
  }
}

/// Feeds a connection's bytes and writes down what a session would see.
class Reader {
 public:
  /// False once the connection is refused.
  bool feed(std::string_view bytes) {
    if (refused_) return false;
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    while (!refused_ && (in_body_ ? step_body() : step_head())) {
    }
    return !refused_;
  }
  [[nodiscard]] const std::string& story() const { return story_; }
  [[nodiscard]] bool is_refused() const { return refused_; }

 private:
  void refuse(const Refusal& refusal) {
    insist(refusal.status >= 400 && refusal.status <= 505 && !refusal.reason.empty());
    refused_ = true;
  }

  void consume(std::size_t count) {
    insist(count <= buffer_.size());
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  bool step_head() {
    if (buffer_.empty()) return false;
    if (scanned_ == 0 && !can_begin_request(buffer_.front())) {
      refuse({400, "no HTTP"});
      return false;
    }
    const auto scan = scan_head({buffer_.data(), buffer_.size()}, scanned_);
    insist(scanned_ <= buffer_.size());
    if (scan.state == HeadScan::State::refused) refuse(scan.refusal);
    if (scan.state == HeadScan::State::need_more && buffer_.size() >= kMaxHead) refuse({431, "too large"});
    if (scan.state != HeadScan::State::complete) return false;
    scanned_ = 0;
    parser_.reset();
    RequestHead head;
    const auto refusal = parser_.parse_head(std::span(buffer_).first(scan.size), head);
    if (refusal) {
      refuse(refusal);
      return false;
    }
    check_head(head);
    story_.append(head.method).append(" ").append(head.authority).append(head.path_and_query).append("\n");
    for (const auto& [name, value] : head.headers) story_.append(name).append(": ").append(value).append("\n");
    consume(scan.size);
    length_ = head.content_length;
    in_body_ = true;
    return true;
  }

  bool step_body() {
    const auto step = parser_.parse_body(buffer_, kMaxBody);
    insist(step.consumed <= buffer_.size());
    if (step.state == BodyStep::State::refused) {
      refuse(step.refusal);
      return false;
    }
    if (step.state == BodyStep::State::piece) {
      insist(!step.piece.empty());
      story_.append(step.piece);
    }
    if (step.state == BodyStep::State::end) {
      if (length_) insist(parser_.body_bytes() == *length_);
      for (const auto& [name, value] : parser_.trailers()) {
        insist(is_token(name) && is_field_value(value) && !is_forbidden_trailer(name));
        story_.append(name).append(": ").append(value).append("\n");
      }
      story_.append("end\n");
      in_body_ = false;
    }
    consume(step.consumed);
    return step.state != BodyStep::State::need_more;
  }

  RequestParser parser_;
  std::vector<char> buffer_;
  std::size_t scanned_ = 0;
  bool in_body_ = false, refused_ = false;
  std::optional<std::uint64_t> length_;
  std::string story_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = data[0] + 1U;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  Reader whole, pieces;
  whole.feed(bytes);
  for (std::size_t at = 0; at < bytes.size() && pieces.feed(bytes.substr(at, step)); at += step) {
  }
  // Cut bytes may be refused earlier, for their size, but never mean anything else.
  insist(whole.is_refused() == pieces.is_refused());
  insist(whole.story() == pieces.story());
  return 0;
}
