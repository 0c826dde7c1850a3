// SPDX-License-Identifier: Apache-2.0
/// Reads one HTTP/1.x response out of a connection's bytes: Beast's parser does the parsing, what it leaves open is
/// judged here. A server is as foreign as a client: two lengths, an unknown coding, folded lines and bare line feeds
/// are refused, so that nobody can slip a second answer behind the first. Interim answers (1xx) are passed over.
///
/// Ownership: a value; one reset() per request. Header and trailer texts are copies; `piece` points into the bytes
/// given. Threads: not thread-safe, caller serialises. Errors: a State of refused with the fault; the connection is not
/// used again. Limits: `max_header_bytes` for a head and for a trailer section, kMaxResponseFields fields in each,
/// kMaxInterim interim answers, 16 KiB of chunk extensions.
/// Source: RFC 9112 sections 4, 6, 7; RFC 9110 section 15.2.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/exchange.hpp"
#include "web/http_fault.hpp"

namespace weft::web {

inline constexpr std::size_t kMaxResponseFields = 256;
inline constexpr std::size_t kMaxInterim = 16;

struct ResponseStep {
  enum class State : std::uint8_t { need_more, head, piece, end, refused };
  State state = State::need_more;
  std::size_t consumed = 0;  ///< bytes the caller may forget after it used `piece`
  std::string_view piece;
  HttpFault fault = HttpFault::http_protocol_error;
  std::string_view reason;  ///< a literal
};

class ResponseParser {
 public:
  /// `method` is that of the request: the answer to HEAD has no body.
  void reset(std::string_view method, std::size_t max_header_bytes);

  /// Parses on. `bytes` begins where the last call's `consumed` ended and never holds fewer bytes than it held then.
  [[nodiscard]] ResponseStep parse(std::span<const char> bytes);
  /// The server has closed with `rest` bytes unparsed: `end` if that ends the body, else refused.
  [[nodiscard]] ResponseStep parse_eof(std::size_t rest);

  [[nodiscard]] bool is_head_done() const noexcept { return head_given_; }
  [[nodiscard]] bool is_done() const noexcept { return head_given_ && parser_->is_done(); }
  /// After the end: the server will read another request.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  /// After State::head; may be moved from. Without hop-by-hop headers.
  [[nodiscard]] ResponseHead& head() noexcept { return head_; }
  /// After State::end.
  [[nodiscard]] std::span<const Header> trailers() const noexcept { return trailers_; }

 private:
  class Events final : public boost::beast::http::basic_parser<false> {
   public:
    explicit Events(ResponseParser& owner) : owner_(owner) {}

   private:
    using Field = boost::beast::http::field;
    using View = boost::beast::string_view;
    using ErrorCode = boost::beast::error_code;
    void on_request_impl(boost::beast::http::verb, View, View, int, ErrorCode&) override {}
    void on_response_impl(int status, View reason, int version, ErrorCode&) override;
    void on_field_impl(Field field, View name, View value, ErrorCode& error) override;
    void on_header_impl(ErrorCode&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
    std::size_t on_body_impl(View body, ErrorCode&) override;
    void on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) override;
    void on_finish_impl(ErrorCode&) override {}

    ResponseParser& owner_;
  };

  void reset_message();
  void take_field(boost::beast::http::field field, std::string_view name, std::string_view value);
  [[nodiscard]] ResponseStep parse_head(std::span<const char> bytes);
  [[nodiscard]] ResponseStep parse_body(std::span<const char> bytes);
  [[nodiscard]] ResponseStep finish_head();
  [[nodiscard]] ResponseStep refuse(HttpFault fault, std::string_view reason) noexcept;
  [[nodiscard]] bool judge_length() noexcept;

  std::optional<Events> parser_;
  bool is_head_request_ = false;
  std::size_t max_header_bytes_ = 0;
  std::size_t scanned_ = 0;
  std::size_t interim_ = 0;
  int version_ = 11;
  ResponseHead head_;
  std::vector<Header> trailers_;
  std::vector<std::string> nominated_;
  std::vector<std::string> lengths_;
  std::vector<std::string> codings_;
  std::string_view piece_;
  std::uint64_t chunk_rest_ = 0;
  std::size_t extension_bytes_ = 0;
  std::string_view problem_;  ///< why a field or chunk was refused
  HttpFault problem_fault_ = HttpFault::http_protocol_error;
  bool head_given_ = false, says_close_ = false, says_keep_alive_ = false, keep_alive_ = false;
};

}  // namespace weft::web
