// SPDX-License-Identifier: Apache-2.0
/// Reads one HTTP/1.1 request out of a connection's buffer: Beast's parser does the parsing, framing.hpp the
/// strictness, and the result is kept as views into the buffer instead of Beast's allocated field lists. Ownership:
/// owned by a session, one reset() per request. Views point into the bytes that were given and last as long as these
/// stay where they are; header names are turned to lower case in place. Limits: kMaxFields fields per head and per
/// trailer section, kMaxExtensionBytes of chunk extensions per request. Sizes of head and body are the caller's to
/// check.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "web/exchange.hpp"
#include "web/framing.hpp"

namespace weft::web {

inline constexpr std::size_t kMaxFields = 256;

/// What a body gave at one look.
struct BodyStep {
  enum class State : std::uint8_t { need_more, piece, end, refused };
  State state = State::need_more;
  std::size_t consumed = 0;  ///< bytes the caller may forget after it used `piece` and the trailers
  std::string_view piece;
  Refusal refusal;
};

class RequestParser {
 public:
  /// Readies the parser for the next request. Keeps its memory.
  void reset();

  /// Parses a whole head, as found by scan_head(). Fills `head` but for `remote_address`; an authority that is not in
  /// the request is left empty.
  [[nodiscard]] Refusal parse_head(std::span<char> bytes, RequestHead& head);

  /// Parses on in the body. `bytes` begins where the last call's `consumed` ended, and never holds fewer bytes than it
  /// held then.
  [[nodiscard]] BodyStep parse_body(std::span<char> bytes, std::uint64_t max_body_bytes);

  [[nodiscard]] bool is_body_done() const noexcept { return parser_->is_done(); }
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  [[nodiscard]] bool is_http_1_0() const noexcept { return facts_.version == 10; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  /// After BodyStep::State::end.
  [[nodiscard]] std::span<const HeaderView> trailers() const noexcept { return trailers_; }

 private:
  /// Beast's parser with its events turned into calls on the owner.
  class Events final : public boost::beast::http::basic_parser<true> {
   public:
    explicit Events(RequestParser& owner) : owner_(owner) {}

   private:
    using Field = boost::beast::http::field;
    using View = boost::beast::string_view;
    using ErrorCode = boost::beast::error_code;
    void on_request_impl(boost::beast::http::verb, View method, View target, int version, ErrorCode&) override;
    void on_response_impl(int, View, int, ErrorCode&) override {}
    void on_field_impl(Field field, View name, View value, ErrorCode& error) override;
    void on_header_impl(ErrorCode&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
    std::size_t on_body_impl(View body, ErrorCode&) override;
    void on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) override;
    void on_finish_impl(ErrorCode&) override {}

    RequestParser& owner_;
  };

  void take_field(boost::beast::http::field field, std::string_view name, std::string_view value);
  void take_connection(std::string_view value);
  void drop_nominated(RequestHead& head);

  std::optional<Events> parser_;
  RequestHead* head_ = nullptr;  ///< only during parse_head()
  HeadFacts facts_;
  Refusal refusal_;
  std::string_view target_;
  std::vector<std::string_view> nominated_;  ///< fields that Connection names
  std::vector<HeaderView> trailers_;
  std::string_view piece_;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t announced_bytes_ = 0;  ///< sum of the chunk sizes seen
  std::uint64_t chunk_rest_ = 0;       ///< of the chunk being read
  std::size_t extension_bytes_ = 0;
  bool is_chunked_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
};

}  // namespace weft::web
