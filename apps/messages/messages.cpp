// SPDX-License-Identifier: Apache-2.0
// Does what a message says, see README.md. Nothing is freed: the instance ends with the call.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "messages.h"

namespace {

using std::string_view;
using Message = wasmcloud_messaging_types_broker_message_t;

messages_string_t text(string_view from) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data())), from.size()};
}
messages_list_u8_t bytes(string_view from) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data())), from.size()};
}
string_view view(const messages_string_t& from) { return {reinterpret_cast<const char*>(from.ptr), from.len}; }
string_view view(const messages_list_u8_t& from) { return {reinterpret_cast<const char*>(from.ptr), from.len}; }

/// Cuts the word before a blank off `rest`.
string_view take(string_view& rest) {
  const auto at = rest.find(' ');
  const auto word = rest.substr(0, at);
  rest = at == string_view::npos ? string_view() : rest.substr(at + 1);
  return word;
}

string_view join(string_view first, string_view second) {
  auto* const joined = static_cast<char*>(std::malloc(first.size() + second.size() + 1));
  std::memcpy(joined, first.data(), first.size());
  std::memcpy(joined + first.size(), second.data(), second.size());
  return {joined, first.size() + second.size()};
}

bool publish(string_view subject, string_view body, messages_string_t* why) {
  Message message{text(subject), bytes(body), {false, {}}};
  return wasmcloud_messaging_consumer_publish(&message, why);
}

bool answer(const Message& asked, string_view body, messages_string_t* why) {
  return !asked.reply_to.is_some || publish(view(asked.reply_to.val), body, why);
}

bool request(const Message& asked, string_view rest, messages_string_t* why) {
  auto subject = text(take(rest));
  std::uint32_t timeout_ms = 0;
  for (const char digit : take(rest)) timeout_ms = timeout_ms * 10 + static_cast<std::uint32_t>(digit - '0');
  auto body = bytes(rest);
  Message got{};
  messages_string_t refused{};
  if (!wasmcloud_messaging_consumer_request(&subject, &body, timeout_ms, &got, &refused)) {
    return answer(asked, join("no answer: ", view(refused)), why);
  }
  return answer(asked, view(got.body), why);
}

}  // namespace

bool exports_wasmcloud_messaging_handler_handle_message(Message* message, messages_string_t* why) {
  auto rest = view(message->body);
  const auto verb = take(rest);
  if (verb == "say") return answer(*message, rest, why);
  if (verb == "tell") {
    const auto subject = take(rest);
    return publish(subject, rest, why);
  }
  if (verb == "request") return request(*message, rest, why);
  if (verb == "trap") __builtin_trap();
  *why = text(join("cannot do ", verb));
  return false;
}

void exports_wasi_keyvalue_watcher_on_set(exports_wasi_keyvalue_watcher_own_bucket_t /*bucket*/, messages_string_t* key,
                                          messages_list_u8_t* value) {
  messages_string_t why{};
  if (!publish(join("news.set.", view(*key)), view(*value), &why)) __builtin_trap();
}

void exports_wasi_keyvalue_watcher_on_delete(exports_wasi_keyvalue_watcher_own_bucket_t /*bucket*/,
                                             messages_string_t* key) {
  messages_string_t why{};
  if (!publish(join("news.delete.", view(*key)), "", &why)) __builtin_trap();
}
