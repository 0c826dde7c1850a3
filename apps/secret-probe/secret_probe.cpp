// SPDX-License-Identifier: Apache-2.0
// Answers with the secrets that it was started with.
#include <guest/http.hpp>

namespace {

std::string revealed(wasmcloud_secrets_reveal_borrow_secret_t secret) {
  wasmcloud_secrets_reveal_secret_value_t value;
  wasmcloud_secrets_reveal_reveal(secret, &value);
  std::string text;
  if (value.tag == WASMCLOUD_SECRETS_STORE_SECRET_VALUE_STRING) {
    text = "text " + std::string(reinterpret_cast<const char*>(value.val.string.ptr), value.val.string.len);
  } else {
    text = "bytes " + std::to_string(value.val.bytes.len);
  }
  wasmcloud_secrets_reveal_secret_value_free(&value);
  return text;
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  guest::Responder responder(out);
  const std::string target = request.target();
  auto name = guest::borrow(std::string_view(target).substr(1));
  wasmcloud_secrets_store_own_secret_t secret;
  wasmcloud_secrets_store_secrets_error_t error;
  if (!wasmcloud_secrets_store_get(&name, &secret, &error)) {
    responder.send_text(error.tag == WASMCLOUD_SECRETS_STORE_SECRETS_ERROR_NOT_FOUND ? 404 : 500, "");
    return;
  }
  responder.send_text(200, revealed(wasmcloud_secrets_store_borrow_secret(secret)));
  wasmcloud_secrets_store_secret_drop_own(secret);
}
