// SPDX-License-Identifier: Apache-2.0
#include "wrpc/http_values.hpp"
#include "wire/byte_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::wrpc {

/// For EXPECT_EQ and ElementsAre.
static std::string show(const Headers& headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    text += name + ": " + value + "\n";
  }
  return text;
}

namespace {

using web::HttpFault;

std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t at = 0; at < hex.size();) {
    if (hex[at] == ' ') {
      ++at;
      continue;
    }
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
    at += 2;
  }
  return out;
}
std::span<const std::byte> view(std::string_view text) { return std::as_bytes(std::span(text)); }

// Data-plane facts 2.8.
const std::string kGet =
    bytes("00 00 00 01 07 2f68693f783d31 01 00 01 0e 6c6f63616c686f73743a38303030 01 06 616363657074 01 03 2a2f2a");
const std::string kOk = bytes("00 00 00 c8 01 01 0c 636f6e74656e742d74797065 01 0a 746578742f706c61696e");

web::RequestHead get_head() {
  web::RequestHead head;
  head.method = "GET";
  head.scheme = "http";
  head.authority = "localhost:8000";
  head.path_and_query = "/hi?x=1";
  head.headers = {{.name = "accept", .value = "*/*"}};
  return head;
}

HttpResponseValue response_of(std::string_view results) {
  auto decoded = decode_response(view(results));
  EXPECT_TRUE(decoded);
  if (!decoded || !std::holds_alternative<HttpResponseValue>(*decoded)) {
    ADD_FAILURE() << "no response";
    return {};
  }
  return std::get<HttpResponseValue>(*std::move(decoded));
}

TEST(HttpValuesTest, a_request_is_the_bytes_of_the_facts) {
  EXPECT_EQ(encode_request(get_head(), false), kGet);
  EXPECT_EQ(kGet.size(), 43U);
  const auto request = decode_request(view(kGet), false);
  ASSERT_TRUE(request) << request.error().to_string();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->scheme, "http");
  EXPECT_EQ(request->authority, "localhost:8000");
  EXPECT_EQ(request->path_and_query, "/hi?x=1");
  EXPECT_EQ(show(request->headers), "accept: */*\n");
  EXPECT_FALSE(request->body);
  EXPECT_FALSE(request->trailers);
}

TEST(HttpValuesTest, a_response_is_the_bytes_of_the_facts) {
  EXPECT_EQ(encode_response({.status = 200, .headers = {{"content-type", "text/plain"}}}), kOk);
  EXPECT_EQ(kOk.size(), 31U);
  const auto response = response_of(kOk);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(show(response.headers), "content-type: text/plain\n");
  EXPECT_FALSE(response.body);
  EXPECT_FALSE(response.trailers);
}

TEST(HttpValuesTest, faults_are_the_bytes_of_the_facts) {
  EXPECT_EQ(encode_fault(HttpFault::internal_error, "oops"), bytes("01 26 01 04 6f 6f 70 73"));
  EXPECT_EQ(encode_fault(HttpFault::connection_refused, "not said"), bytes("01 06"));
}

TEST(HttpValuesTest, trailers_are_the_bytes_of_the_facts) {
  EXPECT_EQ(encode_trailers(std::span<const web::Header>()), bytes("00"));
  const Headers trailers{{"x-t", "1"}};
  EXPECT_EQ(encode_trailers(std::span<const web::Header>(trailers)), bytes("01 01 03 78 2d 74 01 01 31"));
  const std::vector<web::HeaderView> views{{.name = "x-t", .value = "1"}};
  EXPECT_EQ(encode_trailers(std::span<const web::HeaderView>(views)), bytes("01 01 03 78 2d 74 01 01 31"));
  EXPECT_EQ(show(*decode_trailers(view(bytes("01 01 03 78 2d 74 01 01 31")))), "x-t: 1\n");
  EXPECT_EQ(show(*decode_trailers(view(bytes("00")))), "");
}

// Live-host facts A1 and A2: what a host of 1.9.2 was sent and sent.
TEST(HttpValuesTest, what_a_live_host_was_seen_to_use_decodes) {
  const auto request = decode_request(
      view(bytes("00 00 00 01 06 2f68656c6c6f 01 00 00 01 04 686f7374 01 0d 66616c6c6261636b2e74657374")), false);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->authority, "");
  EXPECT_EQ(show(request->headers), "host: fallback.test\n");
  const auto response =
      response_of(bytes("00 00 00 c8 01 02 07 782d6775657374 01 03 776562 06 782d6d616e79 02 03 6f6e65 03 74776f"));
  EXPECT_EQ(show(response.headers), "x-guest: web\nx-many: one\nx-many: two\n");
}

TEST(HttpValuesTest, every_method_and_scheme) {
  const std::vector<std::pair<std::string, std::string>> methods = {
      {"GET", "00"},     {"HEAD", "01"},    {"POST", "02"},  {"PUT", "03"},   {"DELETE", "04"},
      {"CONNECT", "05"}, {"OPTIONS", "06"}, {"TRACE", "07"}, {"PATCH", "08"}, {"PURGE", "09 05 50 55 52 47 45"}};
  const std::vector<std::pair<std::string, std::string>> schemes = {
      {"http", "01 00"}, {"https", "01 01"}, {"ws", "01 02 02 77 73"}, {"", "00"}};
  for (const auto& [method, method_bytes] : methods) {
    for (const auto& [scheme, scheme_bytes] : schemes) {
      web::RequestHead head;
      head.method = method;
      head.scheme = scheme;
      head.path_and_query = "/";
      const auto encoded = encode_request(head, false);
      EXPECT_EQ(encoded, bytes("00 00 " + method_bytes + " 01 01 2f " + scheme_bytes + " 00 00"));
      const auto decoded = decode_request(view(encoded), false);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(decoded->method, method);
      EXPECT_EQ(decoded->scheme, scheme);
    }
  }
}

TEST(HttpValuesTest, options_of_the_outgoing_handler) {
  auto head = get_head();
  using namespace std::chrono_literals;
  head.timeouts = {.connect = 600s, .first_byte = 600s, .between_bytes = 600s};
  const auto options = bytes("01 01 80e0a596bb11 01 80e0a596bb11 01 80e0a596bb11");  // data-plane facts 2.8
  EXPECT_EQ(encode_request(head, true), kGet + options);
  auto decoded = decode_request(view(kGet + options), true);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->timeouts.connect, 600s);
  EXPECT_EQ(decoded->timeouts.between_bytes, 600s);
  head.timeouts = {.connect = {}, .first_byte = -1s, .between_bytes = {}};
  EXPECT_EQ(encode_request(head, true), kGet + bytes("01 00 01 00 00"));
  decoded = decode_request(view(kGet + bytes("00")), true);
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->timeouts.first_byte);
  // Longer than a clock can say.
  decoded = decode_request(view(kGet + bytes("01 01 ffffffffffffffffff01 00 00")), true);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->timeouts.connect, std::chrono::nanoseconds(INT64_MAX));
  EXPECT_FALSE(decode_request(view(kGet), true)) << "they are missing";
}

TEST(HttpValuesTest, a_repeated_header_is_one_entry_with_all_its_values) {
  const auto encoded =
      encode_response({.status = 204, .headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", ""}, {"b", "2"}}});
  EXPECT_EQ(encoded, bytes("00 00 00 cc 01 02 01 61 03 01 31 01 33 00 01 62 02 01 32 01 32"));
  EXPECT_EQ(show(response_of(encoded).headers), "a: 1\na: 3\na: \nb: 2\nb: 2\n");
}

TEST(HttpValuesTest, names_become_lower_case_and_entries_without_values_are_dropped) {
  const auto response = response_of(bytes("00 00 00 c8 01 02 03 58 2d 41 01 01 31 01 62 00"));
  EXPECT_EQ(show(response.headers), "x-a: 1\n");
}

TEST(HttpValuesTest, values_are_any_bytes) {
  const Headers headers{{"x", std::string("\0\xff\r\n", 4)}};
  EXPECT_EQ(show(response_of(encode_response({.status = 200, .headers = headers})).headers), show(headers));
}

TEST(HttpValuesTest, inline_forms_are_taken) {
  const auto response = response_of(bytes("00 02 68 69 01 01 01 01 74 01 01 31 c8 01 00"));
  EXPECT_EQ(response.body, "hi");
  ASSERT_TRUE(response.trailers);
  EXPECT_EQ(show(*response.trailers), "t: 1\n");
  const auto request = decode_request(view(bytes("02 68 69 01 00") + kGet.substr(2)), false);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "hi");
  ASSERT_TRUE(request->trailers);
  EXPECT_EQ(show(*request->trailers), "");
}

TEST(HttpValuesTest, a_whole_response_is_inline_and_an_empty_body_pending) {
  EXPECT_EQ(encode_response({.status = 200, .headers = {}}, "hi"), bytes("00 02 68 69 01 00 c8 01 00"));
  EXPECT_EQ(encode_response({.status = 200, .headers = {}}, ""), bytes("00 00 01 00 c8 01 00"))
      << "no inline empty stream";
  const auto response = response_of(encode_response({.status = 200, .headers = {}}, std::string(1000, 'x')));
  EXPECT_EQ(response.body, std::string(1000, 'x'));
  ASSERT_TRUE(response.trailers);
}

TEST(HttpValuesTest, every_fault_travels) {
  for (unsigned number = 0; number < web::kHttpFaults; ++number) {
    for (const std::string reason : {"", "the reason"}) {
      const auto fault = static_cast<HttpFault>(number);
      const auto encoded = encode_fault(fault, reason);
      const auto decoded = decode_response(view(encoded));
      ASSERT_TRUE(decoded) << number;
      const auto* const value = std::get_if<HttpFaultValue>(&*decoded);
      ASSERT_NE(value, nullptr);
      EXPECT_EQ(value->fault, fault);
      EXPECT_TRUE(value->reason == reason || value->reason.empty());
      for (std::size_t cut = 0; cut < encoded.size(); ++cut) {
        EXPECT_FALSE(decode_response(view(encoded.substr(0, cut)))) << number << " cut at " << cut;
      }
    }
  }
  EXPECT_FALSE(decode_response(view(bytes("01 27")))) << "there are 39";
}

TEST(HttpValuesTest, what_cases_of_other_peers_carry_is_read) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"01 01 01 03 616263 01 ac02", "abc"},     // DNS-error
      {"01 0e 01 28 01 03 616263", "abc"},       // TLS-alert-received, its id a byte
      {"01 11 01 ffffffffffffffffff01", ""},     // HTTP-request-body-size
      {"01 16 01 01 03 616263 01 ac02", "abc"},  // HTTP-request-header-size
      {"01 18 01 03 616263 01 ac02", "abc"},     // HTTP-request-trailer-size
      {"01 1f 01 03 616263", "abc"},             // HTTP-response-transfer-coding
  };
  for (const auto& [hex, reason] : cases) {
    const auto decoded = decode_response(view(bytes(hex)));
    ASSERT_TRUE(decoded) << hex;
    EXPECT_EQ(std::get<HttpFaultValue>(*decoded).reason, reason) << hex;
  }
}

TEST(HttpValuesTest, values_cut_short_are_refused_and_bytes_behind_them_ignored) {
  for (std::size_t cut = 0; cut < kGet.size(); ++cut) {
    const auto decoded = decode_request(view(kGet.substr(0, cut)), false);
    ASSERT_FALSE(decoded) << cut;
    EXPECT_EQ(decoded.error().code(), Errc::malformed);
  }
  for (std::size_t cut = 0; cut < kOk.size(); ++cut) {
    EXPECT_FALSE(decode_response(view(kOk.substr(0, cut)))) << cut;
  }
  EXPECT_TRUE(decode_request(view(kGet + "more"), false));
  EXPECT_TRUE(decode_response(view(kOk + "more")));
  EXPECT_TRUE(decode_trailers(view(bytes("00") + "more")));
}

TEST(HttpValuesTest, garbage_is_refused) {
  const std::vector<std::string> requests = {
      "00 00 0a",                                  // no such method
      "00 02",                                     // no such form of a future
      "00 00 00 02",                               // no such form of an option
      "00 00 00 01 02 fffe 00 00 00",              // a path that is no text
      "00 00 00 00 01 03",                         // no such scheme
      "00 00 00 00 00 00 ffffffff0f",              // more headers than there are bytes
      "00 00 00 00 00 00 01 ffffffff0f",           // a name longer than that
      "00 00 00 00 00 00 01 01 61 01 ffffffff0f",  // a value
      "00 00 00 00 00 00 ffffffffff0f",            // a count that is none
      "ffffffff0f",                                // a body
  };
  for (const auto& hex : requests) {
    EXPECT_FALSE(decode_request(view(bytes(hex)), false)) << hex;
  }
  for (const auto* const hex : {"", "02", "00 00 00", "00 00 00 ffff04", "00 00 00 c8 01 ffffffff0f"}) {
    EXPECT_FALSE(decode_response(view(bytes(hex)))) << hex;
  }
  for (const auto* const hex : {"", "02", "01", "01 ffffffff0f", "01 01 02 fffe 01 01 31"}) {
    EXPECT_FALSE(decode_trailers(view(bytes(hex)))) << hex;
  }
}

TEST(HttpValuesTest, chunks_of_a_stream) {
  EXPECT_EQ(wire::encode_chunk(view("hello")), bytes("05 68 65 6c 6c 6f"));
  for (const std::size_t size : {1U, 127U, 128U, 16'383U, 16'384U, 2'097'151U, 2'097'152U}) {
    const auto chunk = wire::encode_chunk(view(std::string(size, 'x')));
    wire::ByteStreamDecoder decoder;
    std::string_view rest = chunk;
    const auto step = decoder.next(rest);
    EXPECT_EQ(step.kind, wire::ByteStreamDecoder::Kind::data);
    EXPECT_EQ(step.data.size(), size);
    EXPECT_TRUE(rest.empty());
    EXPECT_TRUE(decoder.may_end());
  }
}

// ---- wire::ByteStreamDecoder ----

/// What comes of messages: the bytes, and how it ended.
struct Read {
  std::string data;
  bool ended = false;
  bool failed = false;
  bool may_end = false;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(const std::vector<std::string_view>& messages) {
  Read out;
  wire::ByteStreamDecoder decoder;
  for (auto message : messages) {
    while (!out.failed) {
      const auto step = decoder.next(message);
      out.data += step.data;
      out.ended = out.ended || step.kind == wire::ByteStreamDecoder::Kind::end;
      out.failed = step.kind == wire::ByteStreamDecoder::Kind::fault;
      if (step.kind == wire::ByteStreamDecoder::Kind::more) {
        EXPECT_TRUE(message.empty());
        break;
      }
    }
  }
  out.may_end = decoder.may_end();
  EXPECT_EQ(decoder.is_over(), out.ended);
  return out;
}

TEST(ByteStreamTest, gives_the_same_wherever_messages_are_cut) {
  const std::string stream = wire::encode_chunk(view("hello")) + wire::encode_chunk(view(std::string(200, 'x'))) +
                             wire::encode_chunk(view("!")) + std::string(wire::kStreamEnd) + "behind the end";
  const Read whole = read({stream});
  EXPECT_EQ(whole.data, "hello" + std::string(200, 'x') + "!");
  EXPECT_TRUE(whole.ended && whole.may_end && !whole.failed);
  std::vector<std::string_view> bytewise;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    const std::string_view text = stream;
    EXPECT_EQ(read({text.substr(0, cut), text.substr(cut)}), whole) << cut;
    if (cut < stream.size()) {
      bytewise.push_back(text.substr(cut, 1));
    }
  }
  EXPECT_EQ(read(bytewise), whole);
}

TEST(ByteStreamTest, knows_where_it_may_end) {
  const auto stream = wire::encode_chunk(view(std::string(130, 'x'))) + wire::encode_chunk(view("ab"));
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    EXPECT_EQ(read({std::string_view(stream).substr(0, cut)}).may_end, cut == 0 || cut == 132 || cut == stream.size())
        << cut;
  }
  EXPECT_FALSE(read({wire::kBrokenChunk}).may_end);
}

TEST(ByteStreamTest, takes_lengths_of_32_bits_at_most) {
  EXPECT_FALSE(read({"\xff\xff\xff\xff\x0f"}).failed);
  EXPECT_TRUE(read({"\xff\xff\xff\xff\x1f"}).failed);
  EXPECT_TRUE(read({"\xff\xff\xff\xff\xff"}).failed);
  EXPECT_TRUE(read({"\x80\x80\x80\x80\x80"}).failed);
  EXPECT_EQ(read({bytes("81 00 78")}).data, "x") << "padded";
  EXPECT_TRUE(read({bytes("80 80 00")}).ended) << "a padded end";
}

}  // namespace
}  // namespace weft::wrpc
