// SPDX-License-Identifier: Apache-2.0
// Says what one get of a key-value store costs, as the guest sees it.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <guest/http.hpp>
#include <string>
#include <vector>

namespace {

using Bucket = guest::Owned<wasi_keyvalue_store_own_bucket_t, wasi_keyvalue_store_bucket_drop_own>;

constexpr std::string_view kKey = "a-key";
constexpr std::size_t kValueBytes = 100;
constexpr std::uint32_t kMostGets = 1'000'000;

/// The number at the end of "/hits/1000"; 1 if there is none.
std::uint32_t wanted_gets(std::string_view target) {
  target.remove_prefix(target.rfind('/') + 1);
  std::uint32_t count = 1;
  std::from_chars(target.data(), target.data() + target.size(), count);
  return std::clamp(count, 1U, kMostGets);
}

bool set(const Bucket& bucket) {
  auto key = guest::borrow(kKey);
  std::vector<std::uint8_t> bytes(kValueBytes, 'x');
  http_service_list_u8_t value{bytes.data(), bytes.size()};
  wasi_keyvalue_store_error_t failed{};
  return wasi_keyvalue_store_method_bucket_set(wasi_keyvalue_store_borrow_bucket(bucket.get()), &key, &value, &failed);
}

bool get(const Bucket& bucket) {
  auto key = guest::borrow(kKey);
  http_service_option_list_u8_t value{};
  wasi_keyvalue_store_error_t failed{};
  if (!wasi_keyvalue_store_method_bucket_get(wasi_keyvalue_store_borrow_bucket(bucket.get()), &key, &value, &failed)) {
    return false;
  }
  const bool whole = value.is_some && value.val.len == kValueBytes;
  http_service_option_list_u8_free(&value);
  return whole;
}

std::string pump(std::uint32_t count) {
  auto name = guest::borrow("pump");
  wasi_keyvalue_store_own_bucket_t opened{};
  wasi_keyvalue_store_error_t refused{};
  if (!wasi_keyvalue_store_open(&name, &opened, &refused)) return "there is no store\n";
  const Bucket bucket(opened);
  if (!set(bucket)) return "the store cannot set\n";
  const std::uint64_t begin = wasi_clocks_monotonic_clock_now();
  for (std::uint32_t done = 0; done < count; ++done) {
    if (!get(bucket)) return "the store does not give what was set\n";
  }
  return std::to_string((wasi_clocks_monotonic_clock_now() - begin) / count) + "\n";
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  const guest::Request request(handle);
  guest::Responder(out).send_text(200, pump(wanted_gets(request.target())));
}
