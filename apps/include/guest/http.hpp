// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http_service.h"

/// RAII over the generated C bindings of `wasi:http`, as much as the guests in this folder need. Every type owns one
/// handle of the component model and drops it once; `release()` hands it over. Guests are single-threaded and built
/// without exceptions: what can fail returns bool or an optional.
namespace guest {

template <class Handle, void (*Drop)(Handle)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, std::nullopt)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() { reset(); }

  void reset() {
    if (handle_) Drop(*std::exchange(handle_, std::nullopt));
  }
  Handle get() const { return *handle_; }
  Handle release() { return *std::exchange(handle_, std::nullopt); }
  explicit operator bool() const { return handle_.has_value(); }

 private:
  std::optional<Handle> handle_;
};

using Pollable = Owned<wasi_io_poll_own_pollable_t, wasi_io_poll_pollable_drop_own>;
using InputHandle = Owned<wasi_io_streams_own_input_stream_t, wasi_io_streams_input_stream_drop_own>;
using OutputHandle = Owned<wasi_io_streams_own_output_stream_t, wasi_io_streams_output_stream_drop_own>;
using IncomingBody = Owned<wasi_http_types_own_incoming_body_t, wasi_http_types_incoming_body_drop_own>;
using OutgoingBody = Owned<wasi_http_types_own_outgoing_body_t, wasi_http_types_outgoing_body_drop_own>;
using Fields = Owned<wasi_http_types_own_fields_t, wasi_http_types_fields_drop_own>;

inline http_service_string_t borrow(std::string_view text) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())), text.size()};
}

/// Copies a string the host gave, and frees the host's copy.
inline std::string take(http_service_string_t text) {
  std::string copy(reinterpret_cast<const char*>(text.ptr), text.len);
  http_service_string_free(&text);
  return copy;
}

inline void wait(const Pollable& pollable) {
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable.get()));
}

inline bool append(const Fields& fields, std::string_view name, std::string_view value) {
  auto field_name = borrow(name);
  wasi_http_types_field_value_t field_value{reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                                            value.size()};
  wasi_http_types_header_error_t error;
  return wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(fields.get()), &field_name, &field_value,
                                              &error);
}

inline Fields make_fields() { return Fields(wasi_http_types_constructor_fields()); }

/// A request's head. The body is Input.
class Request {
 public:
  explicit Request(wasi_http_types_own_incoming_request_t handle) : handle_(handle) {}

  wasi_http_types_borrow_incoming_request_t borrow() const {
    return wasi_http_types_borrow_incoming_request(handle_.get());
  }

  /// Path and query, "/" if there is none.
  std::string target() const {
    http_service_string_t text;
    if (!wasi_http_types_method_incoming_request_path_with_query(borrow(), &text)) return "/";
    return take(text);
  }

  /// Its copy is read-only: see Fields of the interface.
  Fields headers() const { return Fields(wasi_http_types_method_incoming_request_headers(borrow())); }

  /// The first value of a header.
  std::optional<std::string> header(std::string_view name) const {
    const Fields fields = headers();
    auto field_name = guest::borrow(name);
    wasi_http_types_list_field_value_t values;
    wasi_http_types_method_fields_get(wasi_http_types_borrow_fields(fields.get()), &field_name, &values);
    std::optional<std::string> first;
    if (values.len > 0) first.emplace(reinterpret_cast<const char*>(values.ptr[0].ptr), values.ptr[0].len);
    wasi_http_types_list_field_value_free(&values);
    return first;
  }

 private:
  Owned<wasi_http_types_own_incoming_request_t, wasi_http_types_incoming_request_drop_own> handle_;
};

/// The body of a request or of a response, read once.
class Input {
 public:
  /// Empty handle if the body was taken before.
  explicit Input(wasi_http_types_borrow_incoming_request_t request) {
    wasi_http_types_own_incoming_body_t body;
    if (!wasi_http_types_method_incoming_request_consume(request, &body)) return;
    open(IncomingBody(body));
  }
  explicit Input(IncomingBody body) { open(std::move(body)); }
  Input(Input&&) noexcept = default;
  ~Input() { stream_.reset(); }

  wasi_io_streams_borrow_input_stream_t stream() const { return wasi_io_streams_borrow_input_stream(stream_.get()); }
  Pollable readable() const { return Pollable(wasi_io_streams_method_input_stream_subscribe(stream())); }
  explicit operator bool() const { return static_cast<bool>(stream_); }

  /// After the stream's end: the body, for its trailers.
  IncomingBody release() {
    stream_.reset();
    return std::move(body_);
  }

 private:
  void open(IncomingBody body) {
    body_ = std::move(body);
    wasi_http_types_own_input_stream_t stream;
    if (wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body_.get()), &stream)) {
      stream_ = InputHandle(stream);
    }
  }

  IncomingBody body_;
  InputHandle stream_;  // a child of body_: dropped first
};

/// The body of a response or of a request that is sent. Dropping it unfinished tells the host that the message is not
/// whole.
class Output {
 public:
  explicit Output(OutgoingBody body) : body_(std::move(body)) {
    wasi_http_types_own_output_stream_t stream;
    if (wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body_.get()), &stream)) {
      stream_ = OutputHandle(stream);
    }
  }
  Output(Output&&) noexcept = default;
  ~Output() { stream_.reset(); }

  wasi_io_streams_borrow_output_stream_t stream() const { return wasi_io_streams_borrow_output_stream(stream_.get()); }
  Pollable writable() const { return Pollable(wasi_io_streams_method_output_stream_subscribe(stream())); }

  /// Writes all of `bytes`, as fast as the host takes them. False: nobody reads any more.
  bool write(std::string_view bytes) {
    constexpr std::size_t kMostAtOnce = 4096;  // the limit of blocking-write-and-flush
    while (!bytes.empty()) {
      const auto piece = bytes.substr(0, kMostAtOnce);
      http_service_list_u8_t list{reinterpret_cast<std::uint8_t*>(const_cast<char*>(piece.data())), piece.size()};
      wasi_io_streams_stream_error_t error;
      if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(stream(), &list, &error)) {
        wasi_io_streams_stream_error_free(&error);
        return false;
      }
      bytes.remove_prefix(piece.size());
    }
    return true;
  }

  /// How many bytes the host takes now; waits until it takes some. 0: nobody reads any more.
  std::uint64_t wait_for_room() const {
    wasi_io_streams_stream_error_t error;
    for (;;) {
      std::uint64_t room = 0;
      if (!wasi_io_streams_method_output_stream_check_write(stream(), &room, &error)) {
        wasi_io_streams_stream_error_free(&error);
        return 0;
      }
      if (room > 0) return room;
      wait(writable());
    }
  }

  /// Hands over bytes for which there is room. The host keeps a copy.
  bool write_into_room(http_service_list_u8_t bytes) const {
    wasi_io_streams_stream_error_t error;
    const bool written = wasi_io_streams_method_output_stream_write(stream(), &bytes, &error);
    if (!written) wasi_io_streams_stream_error_free(&error);
    return written;
  }

  /// Ends the writing but not the message: the body is the caller's.
  OutgoingBody release() {
    stream_.reset();
    return std::move(body_);
  }

  /// Ends the message. False if the host refuses, for instance because a promised length was not kept.
  bool finish(std::optional<Fields> trailers = std::nullopt) {
    stream_.reset();
    wasi_http_types_own_trailers_t handle{};
    if (trailers) handle = trailers->release();
    wasi_http_types_error_code_t error;
    const bool whole =
        wasi_http_types_static_outgoing_body_finish(body_.release(), trailers ? &handle : nullptr, &error);
    if (!whole) wasi_http_types_error_code_free(&error);
    return whole;
  }

 private:
  OutgoingBody body_;
  OutputHandle stream_;  // a child of body_: dropped first
};

/// The place for the one answer to a request.
class Responder {
 public:
  explicit Responder(wasi_http_types_own_response_outparam_t out) : out_(out) {}

  /// Sends the head; the body follows through what is returned.
  Output start(std::uint16_t status, Fields headers) {
    const auto response = wasi_http_types_constructor_outgoing_response(headers.release());
    const auto borrowed = wasi_http_types_borrow_outgoing_response(response);
    wasi_http_types_method_outgoing_response_set_status_code(borrowed, status);
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_method_outgoing_response_body(borrowed, &body);
    wasi_http_types_result_own_outgoing_response_error_code_t result{};
    result.val.ok = response;
    wasi_http_types_static_response_outparam_set(out_, &result);
    return Output(OutgoingBody(body));
  }

  bool send_text(std::uint16_t status, std::string_view text) {
    Fields headers = make_fields();
    append(headers, "content-type", "text/plain");
    Output output = start(status, std::move(headers));
    return output.write(text) && output.finish();
  }

  wasi_http_types_own_response_outparam_t handle() const { return out_; }

 private:
  wasi_http_types_own_response_outparam_t out_;
};

}  // namespace guest
