// SPDX-License-Identifier: Apache-2.0
// Counts the visits of each path in a key-value store.
#include <guest/http.hpp>
#include <string>

namespace {

using Bucket = guest::Owned<wasi_keyvalue_store_own_bucket_t, wasi_keyvalue_store_bucket_drop_own>;

std::string count_visit(std::string_view path) {
  auto name = guest::borrow("hits");
  wasi_keyvalue_store_own_bucket_t opened{};
  wasi_keyvalue_store_error_t refused{};
  if (!wasi_keyvalue_store_open(&name, &opened, &refused)) return "there is no store\n";
  const Bucket bucket(opened);
  auto key = guest::borrow(path);
  std::uint64_t hits = 0;
  wasi_keyvalue_atomics_error_t failed{};
  if (!wasi_keyvalue_atomics_increment(wasi_keyvalue_store_borrow_bucket(bucket.get()), &key, 1, &hits, &failed)) {
    return "the store cannot count\n";
  }
  return std::to_string(hits) + " visits\n";
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  guest::Responder(out).send_text(200, count_visit(request.target()));
}
