// SPDX-License-Identifier: Apache-2.0
// Answers with the configuration that it was started with, as it is now.
#include <algorithm>
#include <guest/http.hpp>
#include <vector>

namespace {

std::optional<std::string> all_lines() {
  http_service_list_tuple2_string_string_t entries;
  wasi_config_store_error_t error;
  if (!wasi_config_store_get_all(&entries, &error)) return std::nullopt;
  std::vector<std::string> lines;
  for (std::size_t index = 0; index < entries.len; ++index) {
    const auto& [key, value] = entries.ptr[index];
    lines.emplace_back(std::string(reinterpret_cast<const char*>(key.ptr), key.len) + "=" +
                       std::string(reinterpret_cast<const char*>(value.ptr), value.len) + "\n");
  }
  std::ranges::sort(lines);
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  guest::Responder responder(out);
  const std::string target = request.target();
  if (target == "/") {
    const auto lines = all_lines();
    responder.send_text(lines ? 200 : 500, lines.value_or("no configuration\n"));
    return;
  }
  auto key = guest::borrow(std::string_view(target).substr(1));
  http_service_option_string_t value;
  wasi_config_store_error_t error;
  if (!wasi_config_store_get(&key, &value, &error)) {
    responder.send_text(500, "no configuration\n");
  } else if (!value.is_some) {
    responder.send_text(404, "");
  } else {
    responder.send_text(200, guest::take(value.val));
  }
}
