// SPDX-License-Identifier: Apache-2.0
// Forwards requests to a URL in the query; both bodies move at the pace of the slower side.
#include <algorithm>
#include <array>
#include <charconv>
#include <guest/http.hpp>
#include <vector>

namespace {

using FutureResponse =
    guest::Owned<wasi_http_types_own_future_incoming_response_t, wasi_http_types_future_incoming_response_drop_own>;
using IncomingResponse =
    guest::Owned<wasi_http_types_own_incoming_response_t, wasi_http_types_incoming_response_drop_own>;
using OutgoingRequest = guest::Owned<wasi_http_types_own_outgoing_request_t, wasi_http_types_outgoing_request_drop_own>;
using FutureTrailers = guest::Owned<wasi_http_types_own_future_trailers_t, wasi_http_types_future_trailers_drop_own>;

constexpr std::uint64_t kPiece = 64 * 1024;

struct Target {
  bool https = false;
  bool bare = false;  // without the headers of the request
  std::string authority, path;
  std::array<std::optional<std::uint64_t>, 3> timeouts_ms;  // connect, first byte, between bytes
};

std::optional<Target> parse(std::string_view query) {
  Target target;
  constexpr std::array<std::string_view, 3> names = {"connect=", "first=", "between="};
  while (!query.empty()) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!query.starts_with(names[i])) continue;
      const auto digits = query.substr(names[i].size());
      std::uint64_t value = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
      target.timeouts_ms[i] = value;
    }
    if (query.starts_with("bare&")) target.bare = true;
    if (query.starts_with("url=")) {
      auto url = query.substr(4);
      target.https = url.starts_with("https://");
      if (!target.https && !url.starts_with("http://")) return std::nullopt;
      url.remove_prefix(target.https ? 8 : 7);
      const auto end = std::min(url.find('/'), url.size());
      target.authority = url.substr(0, end);
      target.path = end == url.size() ? "/" : url.substr(end);
      return target;
    }
    const auto end = query.find('&');
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return std::nullopt;
}

guest::Fields copy(wasi_http_types_borrow_fields_t fields) {
  return guest::Fields(wasi_http_types_method_fields_clone(fields));
}

void set_timeouts(wasi_http_types_borrow_request_options_t options, const Target& target) {
  const auto nanos = [](std::uint64_t milliseconds) { return milliseconds * 1'000'000; };
  if (const auto& limit = target.timeouts_ms[0]) {
    auto duration = nanos(*limit);
    wasi_http_types_method_request_options_set_connect_timeout(options, &duration);
  }
  if (const auto& limit = target.timeouts_ms[1]) {
    auto duration = nanos(*limit);
    wasi_http_types_method_request_options_set_first_byte_timeout(options, &duration);
  }
  if (const auto& limit = target.timeouts_ms[2]) {
    auto duration = nanos(*limit);
    wasi_http_types_method_request_options_set_between_bytes_timeout(options, &duration);
  }
}

/// Moves one body; never waits.
class Pump {
 public:
  Pump(guest::Input input, guest::Output output) : input_(std::move(input)), output_(std::move(output)) {}

  /// Until nothing moves; `waits` gets what it waits for.
  void step(std::vector<guest::Pollable>& waits) {
    while (!done_) {
      wasi_io_streams_stream_error_t error;
      std::uint64_t room = 0;
      if (!wasi_io_streams_method_output_stream_check_write(output_.stream(), &room, &error)) return end(error);
      if (room == 0) return waits.push_back(output_.writable());
      http_service_list_u8_t bytes;
      if (!wasi_io_streams_method_input_stream_read(input_.stream(), std::min(room, kPiece), &bytes, &error)) {
        at_end_ = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
        return end(error);
      }
      const bool empty = bytes.len == 0;
      const bool written = empty || output_.write_into_room(bytes);
      http_service_list_u8_free(&bytes);
      if (empty) return waits.push_back(input_.readable());
      if (!written) done_ = true;
    }
  }

  bool is_done() const { return done_; }

  /// Ends what was written, with the trailers of what was read; a body that broke off is not ended.
  void finish() {
    if (std::exchange(finished_, true) || !at_end_) return;
    const FutureTrailers future(wasi_http_types_static_incoming_body_finish(input_.release().release()));
    const auto borrowed = wasi_http_types_borrow_future_trailers(future.get());
    guest::wait(guest::Pollable(wasi_http_types_method_future_trailers_subscribe(borrowed)));
    wasi_http_types_result_result_option_own_trailers_error_code_void_t got;
    if (!wasi_http_types_method_future_trailers_get(borrowed, &got) || got.is_err || got.val.ok.is_err) return;
    if (!got.val.ok.val.ok.is_some) return void(output_.finish());
    const guest::Fields trailers(got.val.ok.val.ok.val);
    output_.finish(copy(wasi_http_types_borrow_fields(trailers.get())));
  }

 private:
  void end(wasi_io_streams_stream_error_t& error) {
    wasi_io_streams_stream_error_free(&error);
    done_ = true;
  }

  guest::Input input_;
  guest::Output output_;
  bool done_ = false, at_end_ = false, finished_ = false;
};

void wait_any(const std::vector<guest::Pollable>& waits) {
  std::vector<wasi_io_poll_borrow_pollable_t> borrowed;
  for (const auto& pollable : waits) borrowed.push_back(wasi_io_poll_borrow_pollable(pollable.get()));
  wasi_io_poll_list_borrow_pollable_t list{borrowed.data(), borrowed.size()};
  http_service_list_u32_t ready;
  wasi_io_poll_poll(&list, &ready);
  http_service_list_u32_free(&ready);
}

struct Sent {
  FutureResponse future;
  std::optional<guest::Output> body;
  int error = -1;  // the index of an error-code, if nothing was sent
};

Sent send(const guest::Request& request, const Target& target, bool with_body) {
  Sent sent;
  const auto headers = request.headers();
  auto own = target.bare ? guest::make_fields() : copy(wasi_http_types_borrow_fields(headers.get()));
  OutgoingRequest outgoing(wasi_http_types_constructor_outgoing_request(own.release()));
  const auto borrowed = wasi_http_types_borrow_outgoing_request(outgoing.get());
  wasi_http_types_method_t method;
  wasi_http_types_method_incoming_request_method(request.borrow(), &method);
  wasi_http_types_method_outgoing_request_set_method(borrowed, &method);
  wasi_http_types_method_free(&method);
  wasi_http_types_scheme_t scheme{};
  scheme.tag = target.https ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP;
  wasi_http_types_method_outgoing_request_set_scheme(borrowed, &scheme);
  auto authority = guest::borrow(target.authority);
  wasi_http_types_method_outgoing_request_set_authority(borrowed, &authority);
  auto path = guest::borrow(target.path);
  wasi_http_types_method_outgoing_request_set_path_with_query(borrowed, &path);
  if (with_body) {
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_method_outgoing_request_body(borrowed, &body);
    sent.body.emplace(guest::OutgoingBody(body));
  }
  auto options = wasi_http_types_constructor_request_options();
  set_timeouts(wasi_http_types_borrow_request_options(options), target);
  wasi_http_types_own_future_incoming_response_t future;
  wasi_http_types_error_code_t error;
  if (wasi_http_outgoing_handler_handle(outgoing.release(), &options, &future, &error)) {
    sent.future = FutureResponse(future);
  } else {
    sent.error = error.tag;
    wasi_http_types_error_code_free(&error);
  }
  return sent;
}

void answer_error(guest::Responder& responder, int error) {
  responder.send_text(502, "error " + std::to_string(error) + "\n");
}

/// Takes the response if it is there. False: not yet.
bool take(const FutureResponse& future, IncomingResponse& response, int& failed) {
  wasi_http_types_result_result_own_incoming_response_error_code_void_t got;
  if (!wasi_http_types_method_future_incoming_response_get(
          wasi_http_types_borrow_future_incoming_response(future.get()), &got)) {
    return false;
  }
  if (got.is_err) {
    failed = 38;
  } else if (got.val.ok.is_err) {
    failed = got.val.ok.val.err.tag;
    wasi_http_types_error_code_free(&got.val.ok.val.err);
  } else {
    response = IncomingResponse(got.val.ok.val.ok);
  }
  return true;
}

guest::Pollable answered(const FutureResponse& future) {
  return guest::Pollable(wasi_http_types_method_future_incoming_response_subscribe(
      wasi_http_types_borrow_future_incoming_response(future.get())));
}

guest::Input body_of(const IncomingResponse& response) {
  wasi_http_types_own_incoming_body_t body;
  wasi_http_types_method_incoming_response_consume(wasi_http_types_borrow_incoming_response(response.get()), &body);
  return guest::Input(guest::IncomingBody(body));
}

void forward(guest::Request& request, guest::Responder& responder, const Target& target) {
  guest::Input body(request.borrow());
  // An empty body is ended before the host looks, which then sends none.
  Sent sent = send(request, target, true);
  if (sent.error >= 0) return answer_error(responder, sent.error);
  std::optional<Pump> up, down;
  if (sent.body) up.emplace(std::move(body), std::move(*sent.body));
  IncomingResponse response;
  while (!down || !down->is_done()) {
    std::vector<guest::Pollable> waits;
    if (up && !up->is_done()) {
      up->step(waits);
      if (up->is_done()) up->finish();
    }
    if (!down) {
      int failed = -1;
      if (take(sent.future, response, failed)) {
        if (failed >= 0) return answer_error(responder, failed);
        const auto borrowed = wasi_http_types_borrow_incoming_response(response.get());
        const guest::Fields headers(wasi_http_types_method_incoming_response_headers(borrowed));
        down.emplace(body_of(response), responder.start(wasi_http_types_method_incoming_response_status(borrowed),
                                                        copy(wasi_http_types_borrow_fields(headers.get()))));
      } else {
        waits.push_back(answered(sent.future));
      }
    }
    if (down) {
      down->step(waits);
      if (down->is_done()) down->finish();
    }
    if (!waits.empty() && (!down || !down->is_done())) wait_any(waits);
  }
}

/// So that what was done before is seen before the guest ends.
void wait_for_end(const guest::Input& input) {
  wasi_io_streams_stream_error_t error;
  http_service_list_u8_t bytes;
  while (wasi_io_streams_method_input_stream_blocking_read(input.stream(), kPiece, &bytes, &error)) {
    http_service_list_u8_free(&bytes);
  }
  wasi_io_streams_stream_error_free(&error);
}

void be_careless(std::string_view path, guest::Request& request, guest::Responder& responder, const Target& target) {
  Sent sent = send(request, target, path == "/break");
  if (sent.error >= 0) return answer_error(responder, sent.error);
  if (path == "/abandon") {
    sent.future.reset();
    return void(responder.send_text(200, "abandoned\n"));
  }
  if (path == "/leave") {
    sent.future.release();
    return void(responder.send_text(200, "left\n"));
  }
  if (sent.body) {
    sent.body->write("some of the body");
    sent.body.reset();
  }
  guest::wait(answered(sent.future));
  IncomingResponse response;
  int failed = -1;
  take(sent.future, response, failed);
  if (failed >= 0) return answer_error(responder, failed);
  const auto status =
      wasi_http_types_method_incoming_response_status(wasi_http_types_borrow_incoming_response(response.get()));
  response.reset();
  wait_for_end(guest::Input(request.borrow()));
  responder.send_text(200, "status " + std::to_string(status) + "\n");
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  guest::Request request(handle);
  guest::Responder responder(out);
  const std::string whole = request.target();
  const std::string_view text = whole;
  const auto mark = std::min(text.find('?'), text.size());
  const auto target = parse(text.substr(std::min(mark + 1, text.size())));
  if (!target) {
    responder.send_text(400, "say ?url=http://host/path\n");
  } else if (text.substr(0, mark) == "/") {
    forward(request, responder, *target);
  } else {
    be_careless(text.substr(0, mark), request, responder, *target);
  }
}
