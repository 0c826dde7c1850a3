// SPDX-License-Identifier: Apache-2.0
// Answers every request with one line of text.
#include <guest/http.hpp>

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  wasi_http_types_incoming_request_drop_own(request);
  guest::Responder(out).send_text(200, "hello from C++\n");
}
