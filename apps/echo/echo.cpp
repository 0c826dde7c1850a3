// SPDX-License-Identifier: Apache-2.0
// Streams the request body into the response body, with back-pressure both ways.
#include <algorithm>
#include <guest/http.hpp>

namespace {

constexpr std::uint64_t kPiece = 64 * 1024;

/// Was it the end of the stream (true) or a failure (false)?
bool is_end(wasi_io_streams_stream_error_t& error) {
  const bool closed = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
  wasi_io_streams_stream_error_free(&error);
  return closed;
}

/// The bytes stay in the host.
bool splice_all(const guest::Input& input, const guest::Output& output) {
  wasi_io_streams_stream_error_t error;
  std::uint64_t moved = 0;
  while (
      wasi_io_streams_method_output_stream_blocking_splice(output.stream(), input.stream(), kPiece, &moved, &error)) {
  }
  return is_end(error);
}

/// The bytes pass through this guest's memory, each piece no larger than the host has room for.
bool copy_all(const guest::Input& input, const guest::Output& output) {
  wasi_io_streams_stream_error_t error;
  for (;;) {
    const std::uint64_t room = output.wait_for_room();
    if (room == 0) return false;
    http_service_list_u8_t bytes;
    if (!wasi_io_streams_method_input_stream_read(input.stream(), std::min(room, kPiece), &bytes, &error)) {
      return is_end(error);
    }
    const bool empty = bytes.len == 0;
    const bool written = empty || output.write_into_room(bytes);
    http_service_list_u8_free(&bytes);
    if (!written) return false;
    if (empty) guest::wait(input.readable());
  }
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  guest::Fields headers = guest::make_fields();
  const auto type = request.header("content-type");
  guest::append(headers, "content-type", type ? *type : "application/octet-stream");

  const guest::Input input(request.borrow());
  guest::Output output = guest::Responder(out).start(200, std::move(headers));
  const bool whole = request.target().contains("copy") ? copy_all(input, output) : splice_all(input, output);
  // A body that broke off is not finished here either: the client must see that it is not whole.
  if (whole) output.finish();
}
