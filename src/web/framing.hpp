// SPDX-License-Identifier: Apache-2.0
/// What weft asks of the bytes of an HTTP/1.1 message beyond what Beast's parser asks. Two parties that read the same
/// bytes differently are the root of request smuggling, so whatever can be read in two ways is refused here rather than
/// guessed at. Does not parse: Beast's parser cuts the message up; these functions judge the pieces. Pure: no sockets,
/// no clock, no allocation. Errors: a Refusal holds the status to answer with and a sentence for the client; the
/// connection is closed after it. Source: RFC 9110 (section 5, 7.2, 10.1.1) and RFC 9112 (section 2.2, 3.2, 5, 6, 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::web {

/// Why a request is not served. An empty one (status 0) means that nothing is wrong.
struct Refusal {
  unsigned status = 0;
  std::string_view reason;  ///< a literal
  explicit operator bool() const noexcept { return status != 0; }
};

/// Where a head ends. Finds the end only; what the lines mean is the parser's business.
struct HeadScan {
  enum class State : std::uint8_t { need_more, complete, refused };
  State state = State::need_more;
  std::size_t size = 0;  ///< of the head with its empty line, when complete
  Refusal refusal;
};

/// Looks for the empty line that ends a head. `resume` is where the last look ended (0 at first), so a head that comes
/// byte by byte costs one pass. Refuses lines that end in a bare LF and folded lines as soon as they are seen.
[[nodiscard]] HeadScan scan_head(std::string_view bytes, std::size_t& resume) noexcept;

/// True if the byte can begin a request; anything else (a TLS hello, say) is refused without waiting for a line end.
[[nodiscard]] bool can_begin_request(char byte) noexcept;

/// True if a line in `lines` (a trailer section) begins with a blank: the obsolete folding that Beast would unfold.
[[nodiscard]] bool has_folded_line(std::string_view lines) noexcept;

/// True if each byte may stand in a chunk extension: no control characters but tab.
inline constexpr std::size_t kMaxExtensionBytes = std::size_t{16} * 1024;  ///< of all chunks of a message
/// "0\r\n\r\n". Beast 1.81 asserts that a last chunk seen in part is at least so long when seen again; no peer may trip
/// that. Nothing is lost by waiting for it: outside of chunk data a whole body has at least as much to come.
inline constexpr std::size_t kShortestLastChunk = 5;
[[nodiscard]] bool is_chunk_extension(std::string_view text) noexcept;

[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// A header value as we may send it: visible characters, blanks, tabs and bytes above 0x7f.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
/// host [":" port], with an IPv6 address in brackets. Not empty, no user information.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;
/// Digits only and within 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_length(std::string_view text) noexcept;
/// ASCII without regard to case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// True for headers that speak of the connection or the framing and not of the message; `name` is lower case.
[[nodiscard]] bool is_hop_by_hop(std::string_view name) noexcept;
/// True for fields that may not stand in a trailer section; `name` is lower case.
[[nodiscard]] bool is_forbidden_trailer(std::string_view name) noexcept;

/// The request target, taken apart.
struct Target {
  Refusal refusal;
  std::string_view authority;       ///< of the absolute form; empty otherwise
  std::string_view path_and_query;  ///< "/" where the absolute form has none; "*" for OPTIONS *
};
[[nodiscard]] Target split_target(std::string_view method, std::string_view target) noexcept;

/// The facts of a head that decide how its body is framed and whether the request is unambiguous.
struct HeadFacts {
  int version = 11;  ///< 10 or 11
  std::size_t hosts = 0;
  std::string_view host{};
  std::size_t lengths = 0;
  std::string_view length{};
  std::size_t codings = 0;
  std::string_view coding{};
  std::size_t expectations = 0;
  std::string_view expectation{};
};

struct Framing {
  Refusal refusal;
  bool chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;
};
[[nodiscard]] Framing judge_framing(const HeadFacts& facts) noexcept;

/// The answer to a request line whose version Beast refused: 505 if it is a version at all, otherwise 400.
[[nodiscard]] Refusal judge_version(std::string_view head) noexcept;

}  // namespace weft::web
