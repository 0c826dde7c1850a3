// SPDX-License-Identifier: Apache-2.0
// An HTTP service that asks another component.
#include <algorithm>
#include <guest/http.hpp>

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  std::string script = request.target().substr(1);
  std::ranges::replace(script, '_', ' ');
  auto given = guest::borrow(script);
  http_service_string_t answer{};
  weft_relay_relay_run(&given, &answer);
  guest::Output output = guest::Responder(out).start(200, guest::make_fields());
  output.write(guest::take(answer));
  output.finish();
}
