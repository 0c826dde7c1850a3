// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a server's answers, twice: all at once, and cut into pieces as the first bytes say. Both must see
// the same head, body, trailers and end. What passed must hold what the rest of weft relies on: a status that can be
// answered with, names and values that are valid, one length that was kept.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "web/framing.hpp"
#include "web/response_parser.hpp"
#include "web/response_writer.hpp"

namespace {

using namespace weft::web;

constexpr std::size_t kMaxHead = std::size_t{4} * 1024;

void insist(bool condition) {
  if (!condition) std::abort();
}

class Reader {
 public:
  explicit Reader(std::string_view method) : method_(method) { parser_.reset(method, kMaxHead); }

  void feed(std::string_view bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    while (!over_ && step()) {
    }
  }
  void close() {
    if (over_) return;
    const auto step = parser_.parse_eof(buffer_.size());
    insist(step.state == ResponseStep::State::end || step.state == ResponseStep::State::refused);
    story_.append(step.state == ResponseStep::State::end ? "closed" : "cut");
    end();
  }
  [[nodiscard]] const std::string& story() const { return story_; }
  [[nodiscard]] bool is_refused() const { return refused_; }

 private:
  bool step() {
    const auto step = parser_.parse(buffer_);
    insist(step.consumed <= buffer_.size());
    switch (step.state) {
      case ResponseStep::State::need_more:
        break;
      case ResponseStep::State::head:
        check_head(parser_.head());
        break;
      case ResponseStep::State::piece:
        insist(!step.piece.empty());
        body_ += step.piece.size();
        story_.append(step.piece);
        break;
      case ResponseStep::State::end:
        end();
        break;
      case ResponseStep::State::refused:
        insist(!step.reason.empty());
        refused_ = over_ = true;
        return false;
    }
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(step.consumed));
    return step.state != ResponseStep::State::need_more || (step.consumed > 0 && !parser_.is_head_done());
  }

  void check_head(const ResponseHead& head) {
    const auto verdict = judge_head(head.status, head.headers);
    insist(verdict.valid);
    length_ = verdict.length;
    insist(head.headers.size() <= kMaxResponseFields);
    story_.append(std::to_string(head.status)).append("\n");
    has_body_ = method_ != "HEAD" && head.status != 204 && head.status != 304;
    for (const auto& [name, value] : head.headers) {
      insist(!is_hop_by_hop(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
      story_.append(name).append(": ").append(value).append("\n");
    }
  }

  void end() {
    over_ = true;
    if (parser_.is_done() && length_ && has_body_) insist(body_ == *length_);
    if (!has_body_) insist(body_ == 0);
    for (const auto& [name, value] : parser_.trailers()) {
      insist(is_token(name) && is_field_value(value) && !is_forbidden_trailer(name));
      story_.append(name).append(": ").append(value).append("\n");
    }
    story_.append(parser_.is_done() && parser_.keep_alive() ? "kept" : "not kept");
  }

  std::string_view method_;
  ResponseParser parser_;
  std::vector<char> buffer_;
  std::optional<std::uint64_t> length_;
  std::uint64_t body_ = 0;
  bool has_body_ = true, over_ = false, refused_ = false;
  std::string story_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view method = (data[0] & 1) != 0 ? "HEAD" : "GET";
  const std::size_t step = (data[0] >> 1U) + 1U;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  Reader whole(method), pieces(method);
  whole.feed(bytes);
  for (std::size_t at = 0; at < bytes.size(); at += step) pieces.feed(bytes.substr(at, step));
  whole.close();
  pieces.close();
  insist(whole.is_refused() == pieces.is_refused());
  insist(whole.is_refused() || whole.story() == pieces.story());
  return 0;
}
