// SPDX-License-Identifier: Apache-2.0
// Fails in the way that the path names; see README.md.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <guest/http.hpp>
#include <string>

namespace {

using guest::Responder;

/// What a case gets: the request and the place for its answer.
struct Exchange {
  const guest::Request& request;
  Responder& responder;
  std::string target;

  /// A number from the query, or `otherwise`.
  std::uint64_t number(std::string_view name, std::uint64_t otherwise) const {
    const auto query = target.find('?');
    if (query == std::string::npos) return otherwise;
    for (std::size_t at = query + 1; at < target.size();) {
      const auto end = std::min(target.find('&', at), target.size());
      const std::string_view pair = std::string_view(target).substr(at, end - at);
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
        return std::strtoull(std::string(pair.substr(name.size() + 1)).c_str(), nullptr, 10);
      }
      at = end + 1;
    }
    return otherwise;
  }

  guest::Output start_text(std::uint16_t status = 200) const {
    guest::Fields headers = guest::make_fields();
    guest::append(headers, "content-type", "text/plain");
    return responder.start(status, std::move(headers));
  }

  guest::Output start_with_length(std::string_view length) const {
    guest::Fields headers = guest::make_fields();
    guest::append(headers, "content-length", length);
    return responder.start(200, std::move(headers));
  }
};

void pause(std::uint64_t milliseconds) {
  guest::wait(guest::Pollable(wasi_clocks_monotonic_clock_subscribe_duration(milliseconds * 1'000'000)));
}

[[gnu::noinline]] void spin_forever() {
  for (volatile std::uint64_t turns = 0;; turns = turns + 1) {
  }
}

[[noreturn, gnu::noinline]] void trap_on_purpose() { __builtin_trap(); }

[[gnu::noinline]] void wait_forever() {
  guest::wait(guest::Pollable(wasi_clocks_monotonic_clock_subscribe_instant(~std::uint64_t{0})));
}

struct Body {
  std::uint64_t bytes;
  bool whole;
};

Body read_to_the_end(const guest::Request& request) {
  const guest::Input input(request.borrow());
  std::uint64_t bytes = 0, skipped = 0;
  wasi_io_streams_stream_error_t error;
  while (wasi_io_streams_method_input_stream_blocking_skip(input.stream(), 64 * 1024, &skipped, &error))
    bytes += skipped;
  const bool whole = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
  wasi_io_streams_stream_error_free(&error);
  return {bytes, whole};
}

volatile unsigned deepest = 0;

/// Keeps nothing in memory, so that it is the call stack that ends.
[[gnu::noinline]] unsigned recurse_forever(unsigned depth) {
  deepest = depth;
  if (deepest != depth) return 0;
  const unsigned below = recurse_forever(depth + 1);
  return below + deepest;
}

void spin(Exchange&) { spin_forever(); }

void spin_after(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  spin_forever();
}

void memory_bomb(Exchange& exchange) {
  constexpr std::size_t kPiece = 1 << 20;
  std::size_t pieces = 0;
  while (auto* piece = static_cast<volatile char*>(std::malloc(kPiece))) {
    for (std::size_t at = 0; at < kPiece; at += 4096) piece[at] = 1;
    ++pieces;
  }
  exchange.responder.send_text(200, "refused after " + std::to_string(pieces) + " MiB\n");
}

void recurse(Exchange& exchange) { exchange.responder.send_text(200, std::to_string(recurse_forever(0))); }

void trap_before(Exchange&) { trap_on_purpose(); }

void trap_after(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  trap_on_purpose();
}

/// Its head has left when it traps, because whoever asks ends the request's body only after that.
void trap_when_told(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  read_to_the_end(exchange.request);
  trap_on_purpose();
}

void never(Exchange&) { wait_forever(); }

void never_after(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  wait_forever();
}

void no_response(Exchange& exchange) { wasi_http_types_response_outparam_drop_own(exchange.responder.handle()); }

void twice(Exchange& exchange) {
  exchange.responder.send_text(200, "the first answer\n");
  // The handle was given away with the first one.
  exchange.responder.send_text(200, "the second answer\n");
}

void error_response(Exchange& exchange) {
  wasi_http_types_result_own_outgoing_response_error_code_t result{};
  result.is_err = true;
  result.val.err.tag = WASI_HTTP_TYPES_ERROR_CODE_DESTINATION_UNAVAILABLE;
  wasi_http_types_static_response_outparam_set(exchange.responder.handle(), &result);
}

void exit_now(Exchange& exchange) {
  wasi_cli_exit_result_void_void_t status{.is_err = exchange.number("code", 0) != 0};
  wasi_cli_exit_exit(&status);
}

void headers_flood(Exchange& exchange) {
  guest::Fields headers = guest::make_fields();
  const std::string value(exchange.number("size", 100), 'v');
  std::uint64_t refused = 0;
  for (std::uint64_t at = 0; at < exchange.number("n", 1000); ++at) {
    refused += guest::append(headers, "x-flood-" + std::to_string(at), value) ? 0 : 1;
  }
  auto output = exchange.responder.start(200, std::move(headers));
  output.write("refused " + std::to_string(refused) + " headers\n");
  output.finish();
}

void bad_header(Exchange& exchange) {
  using namespace std::string_view_literals;
  struct Case {
    std::string_view what, name, value;
  };
  static constexpr Case kCases[] = {
      {"newline in value", "x-a", "a\r\nx-injected: yes"},
      {"bare LF in value", "x-a", "a\nb"},
      {"bare CR in value", "x-a", "a\rb"},
      {"NUL in value", "x-a", "a\0b"sv},
      {"DEL in value", "x-a", "a\x7f"},
      {"empty name", "", "a"},
      {"space in name", "x a", "a"},
      {"colon in name", "x:a", "a"},
      {"newline in name", "x\r\na", "a"},
      {"connection", "connection", "close"},
      {"transfer-encoding", "transfer-encoding", "chunked"},
      {"upgrade", "upgrade", "websocket"},
      {"keep-alive", "keep-alive", "timeout=5"},
      {"host", "host", "elsewhere"},
  };
  guest::Fields headers = guest::make_fields();
  std::string report;
  for (const Case& trial : kCases) {
    const bool accepted = guest::append(headers, trial.name, trial.value);
    report += std::string(trial.what) + (accepted ? ": accepted\n" : ": refused\n");
  }
  guest::append(headers, "content-type", "text/plain");
  const auto response = wasi_http_types_constructor_outgoing_response(guest::make_fields().release());
  for (const std::uint16_t code : {0, 99, 1000}) {
    const bool accepted = wasi_http_types_method_outgoing_response_set_status_code(
        wasi_http_types_borrow_outgoing_response(response), code);
    report += "status " + std::to_string(code) + (accepted ? ": accepted\n" : ": refused\n");
  }
  wasi_http_types_outgoing_response_drop_own(response);
  auto output = exchange.responder.start(200, std::move(headers));
  output.write(report);
  output.finish();
}

void short_body(Exchange& exchange) {
  auto output = exchange.start_with_length("10");
  output.write("five!");
  output.finish();
}

void long_body(Exchange& exchange) {
  auto output = exchange.start_with_length("5");
  output.write("ten bytes!");
  output.finish();
}

void drop_body(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
}

void drop_body_at_once(Exchange& exchange) { exchange.start_text(); }

/// What is never dropped: the instance ends with it.
template <class T>
void keep(T value) {
  static_cast<void>(new T(std::move(value)));
}

void keep_body(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  keep(std::move(output));
}

void keep_body_at_once(Exchange& exchange) { keep(exchange.start_text()); }

void keep_body_without_stream(Exchange& exchange) {
  auto output = exchange.start_text();
  output.write("some of the body\n");
  keep(output.release());
}

void keep_another_body(Exchange& exchange) {
  const auto unsent = wasi_http_types_constructor_outgoing_response(guest::make_fields().release());
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(unsent), &body);
  keep(guest::Output(guest::OutgoingBody(body)));
  exchange.responder.send_text(200, "sent\n");
}

void slow(Exchange& exchange) {
  auto output = exchange.start_text();
  const auto milliseconds = exchange.number("ms", 100);
  for (std::uint64_t piece = 0, all = exchange.number("pieces", 10); piece < all; ++piece) {
    if (!output.write("piece " + std::to_string(piece) + "\n")) return;
    pause(milliseconds);
  }
  output.finish();
}

void big(Exchange& exchange) {
  static std::array<std::uint8_t, 64 * 1024> buffer;
  buffer.fill('x');
  guest::Fields headers = guest::make_fields();
  guest::append(headers, "content-type", "application/octet-stream");
  auto output = exchange.responder.start(200, std::move(headers));
  for (std::uint64_t left = exchange.number("bytes", 1 << 20); left > 0;) {
    const auto room = output.wait_for_room();
    const auto piece = std::min({room, left, std::uint64_t{buffer.size()}});
    if (piece == 0 || !output.write_into_room({buffer.data(), static_cast<std::size_t>(piece)})) return;
    left -= piece;
  }
  output.finish();
}

void count(Exchange& exchange) {
  const auto [bytes, whole] = read_to_the_end(exchange.request);
  exchange.responder.send_text(whole ? 200 : 400, std::to_string(bytes) + (whole ? "\n" : " and then it broke off\n"));
}

void ignore_body(Exchange& exchange) { exchange.responder.send_text(200, "not read\n"); }

void trailers(Exchange& exchange) {
  guest::Fields headers = guest::make_fields();
  guest::append(headers, "trailer", "x-checksum");
  auto output = exchange.responder.start(200, std::move(headers));
  output.write("a body with trailers\n");
  guest::Fields fields = guest::make_fields();
  guest::append(fields, "x-checksum", "42");
  output.finish(std::move(fields));
}

void environment(Exchange& exchange) {
  http_service_list_tuple2_string_string_t list;
  wasi_cli_environment_get_environment(&list);
  std::string text;
  for (std::size_t at = 0; at < list.len; ++at) {
    const auto& [name, value] = list.ptr[at];
    text.append(reinterpret_cast<const char*>(name.ptr), name.len).append("=");
    text.append(reinterpret_cast<const char*>(value.ptr), value.len).append("\n");
  }
  http_service_list_tuple2_string_string_free(&list);
  exchange.responder.send_text(200, text);
}

void echo_headers(Exchange& exchange) {
  const guest::Fields fields = exchange.request.headers();
  wasi_http_types_list_tuple2_field_name_field_value_t list;
  wasi_http_types_method_fields_entries(wasi_http_types_borrow_fields(fields.get()), &list);
  std::string text;
  for (std::size_t at = 0; at < list.len; ++at) {
    const auto& [name, value] = list.ptr[at];
    text.append(reinterpret_cast<const char*>(name.ptr), name.len).append(": ");
    text.append(reinterpret_cast<const char*>(value.ptr), value.len).append("\n");
  }
  wasi_http_types_list_tuple2_field_name_field_value_free(&list);
  exchange.responder.send_text(200, text);
}

void sleep_for(Exchange& exchange) {
  pause(exchange.number("ms", 100));
  exchange.responder.send_text(200, "awake\n");
}

void status(Exchange& exchange) {
  const auto code = static_cast<std::uint16_t>(exchange.number("code", 200));
  const bool no_body = code == 204 || code == 304;
  auto output = exchange.responder.start(code, guest::make_fields());
  if (!no_body) output.write("status " + std::to_string(code) + "\n");
  output.finish();
}

void log_lines(Exchange& exchange) {
  for (std::uint64_t line = 0, all = exchange.number("lines", 1); line < all; ++line) {
    std::fprintf(stdout, "line %d to stdout\n", static_cast<int>(line));
    std::fprintf(stderr, "line %d to stderr\n", static_cast<int>(line));
  }
  std::fflush(stdout);
  exchange.responder.send_text(200, "logged\n");
}

struct Route {
  std::string_view path;
  void (*run)(Exchange&);
};

constexpr Route kRoutes[] = {
    {"/spin", spin},
    {"/spin-after", spin_after},
    {"/memory-bomb", memory_bomb},
    {"/recurse", recurse},
    {"/trap-before", trap_before},
    {"/trap-after", trap_after},
    {"/trap-when-told", trap_when_told},
    {"/never", never},
    {"/never-after", never_after},
    {"/no-response", no_response},
    {"/twice", twice},
    {"/error-response", error_response},
    {"/exit", exit_now},
    {"/headers-flood", headers_flood},
    {"/bad-header", bad_header},
    {"/short", short_body},
    {"/long", long_body},
    {"/drop-body", drop_body},
    {"/drop-body-at-once", drop_body_at_once},
    {"/keep-body", keep_body},
    {"/keep-body-at-once", keep_body_at_once},
    {"/keep-body-without-stream", keep_body_without_stream},
    {"/keep-another-body", keep_another_body},
    {"/slow", slow},
    {"/big", big},
    {"/count", count},
    {"/ignore-body", ignore_body},
    {"/trailers", trailers},
    {"/env", environment},
    {"/echo-headers", echo_headers},
    {"/sleep", sleep_for},
    {"/status", status},
    {"/log", log_lines},
};

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  Responder responder(out);
  Exchange exchange{request, responder, request.target()};
  const std::string_view path = std::string_view(exchange.target).substr(0, exchange.target.find('?'));
  for (const Route& route : kRoutes) {
    if (route.path == path) return route.run(exchange);
  }
  std::string list;
  for (const Route& route : kRoutes) list.append(route.path).append("\n");
  responder.send_text(path == "/" ? 200 : 404, list);
}
