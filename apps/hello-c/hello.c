// SPDX-License-Identifier: Apache-2.0
// Answers every request with one line of text, straight on the generated bindings.
#include <string.h>

#include "http_service.h"

static const char kAnswer[] = "hello from C\n";

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  wasi_http_types_incoming_request_drop_own(request);

  wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
  http_service_string_t name = {(uint8_t*)"content-type", strlen("content-type")};
  wasi_http_types_field_value_t value = {(uint8_t*)"text/plain", strlen("text/plain")};
  wasi_http_types_header_error_t header_error;
  wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(headers), &name, &value, &header_error);

  wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val.ok = response};
  wasi_http_types_static_response_outparam_set(out, &result);

  wasi_io_streams_own_output_stream_t stream;
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);
  http_service_list_u8_t bytes = {(uint8_t*)kAnswer, strlen(kAnswer)};
  wasi_io_streams_stream_error_t stream_error;
  if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream),
                                                                     &bytes, &stream_error)) {
    wasi_io_streams_stream_error_free(&stream_error);
  }
  wasi_io_streams_output_stream_drop_own(stream);

  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(body, NULL, &error);
}
