// SPDX-License-Identifier: Apache-2.0
// Does what a message says, see README.md. Nothing is freed: the instance ends with the call.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "topics.h"

namespace {

using std::string_view;
using Client = wasmcloud_messaging_types_own_client_t;
using Error = wasmcloud_messaging_types_error_t;
using Message = wasmcloud_messaging_types_own_message_t;

template <class To>
To to(string_view from) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data())), from.size()};
}
topics_string_t text(string_view from) { return to<topics_string_t>(from); }
template <class From>
string_view view(const From& from) {
  return {reinterpret_cast<const char*>(from.ptr), from.len};
}

/// Cuts the word before a blank off `rest`.
string_view take(string_view& rest) {
  const auto at = rest.find(' ');
  const auto word = rest.substr(0, at);
  rest = at == string_view::npos ? string_view() : rest.substr(at + 1);
  return word;
}

std::uint32_t number(string_view word) {
  std::uint32_t value = 0;
  for (const char digit : word) value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  return value;
}

string_view join(string_view first, string_view second) {
  auto* const joined = static_cast<char*>(std::malloc(first.size() + second.size() + 1));
  std::memcpy(joined, first.data(), first.size());
  std::memcpy(joined + first.size(), second.data(), second.size());
  return {joined, first.size() + second.size()};
}

string_view told(const Error& error) {
  switch (error.tag) {
    case WASMCLOUD_MESSAGING_TYPES_ERROR_TIMEOUT:
      return "timeout";
    case WASMCLOUD_MESSAGING_TYPES_ERROR_CONNECTION:
      return view(error.val.connection);
    case WASMCLOUD_MESSAGING_TYPES_ERROR_PERMISSION_DENIED:
      return view(error.val.permission_denied);
    default:
      return view(error.val.other);
  }
}

Message message_of(string_view body) {
  auto bytes = to<topics_list_u8_t>(body);
  return wasmcloud_messaging_types_constructor_message(&bytes);
}

/// The message that came, and what is done about it.
class Asked {
 public:
  explicit Asked(Message message) : message_(wasmcloud_messaging_types_borrow_message(message)) {}

  string_view body() const {
    topics_list_u8_t data;
    wasmcloud_messaging_types_method_message_data(message_, &data);
    return view(data);
  }
  string_view topic() const {
    topics_string_t topic;
    return wasmcloud_messaging_types_method_message_topic(message_, &topic) ? view(topic) : "none";
  }

  bool answer(Message with, Error* why) const { return wasmcloud_messaging_request_reply_reply(message_, with, why); }
  bool answer(string_view with, Error* why) const { return answer(message_of(with), why); }
  /// What went wrong is an answer, too.
  bool answer_with(const Error& error, Error* why) const { return answer(join("no: ", told(error)), why); }

 private:
  wasmcloud_messaging_types_borrow_message_t message_;
};

bool send(string_view connection, string_view topic, string_view body, Error* why) {
  Client client;
  auto name = text(connection);
  if (!wasmcloud_messaging_types_static_client_connect(&name, &client, why)) return false;
  auto named = text(topic);
  return wasmcloud_messaging_producer_send(wasmcloud_messaging_types_borrow_client(client), &named, message_of(body),
                                           why);
}

bool select_link(string_view link) {
  topics_string_t ns = text("wasmcloud"), package = text("messaging"), interface = text("producer"), why;
  auto target = wasmcloud_bus_lattice_constructor_call_target_interface(&ns, &package, &interface);
  wasmcloud_bus_lattice_list_own_call_target_interface_t list{&target, 1};
  auto name = text(link);
  return wasmcloud_bus_lattice_set_link_name(&name, &list, &why);
}

bool request(const Asked& asked, std::uint32_t timeout_ms, std::uint32_t replies, string_view rest, Error* why) {
  Client client;
  auto name = text("");
  if (!wasmcloud_messaging_types_static_client_connect(&name, &client, why)) return false;
  wasmcloud_messaging_request_reply_own_request_options_t options;
  auto* given = timeout_ms == 0 && replies == 0 ? nullptr : &options;
  if (given) {
    options = wasmcloud_messaging_request_reply_constructor_request_options();
    const auto set = wasmcloud_messaging_request_reply_borrow_request_options(options);
    if (timeout_ms != 0) wasmcloud_messaging_request_reply_method_request_options_set_timeout_ms(set, timeout_ms);
    if (replies != 0) wasmcloud_messaging_request_reply_method_request_options_set_expected_replies(set, replies);
  }
  auto topic = text(take(rest));
  wasmcloud_messaging_request_reply_list_own_message_t got{};
  Error error{};
  if (!wasmcloud_messaging_request_reply_request(wasmcloud_messaging_types_borrow_client(client), &topic,
                                                 wasmcloud_messaging_types_borrow_message(message_of(rest)), given,
                                                 &got, &error)) {
    return asked.answer_with(error, why);
  }
  return asked.answer(got.len == 1 ? Asked(got.ptr[0]).body() : "not one reply", why);
}

/// An answer with what has no place on the wire.
bool answer_tagged(const Asked& asked, string_view key, string_view body, Error* why) {
  auto message = message_of(body);
  const auto tagged = wasmcloud_messaging_types_borrow_message(message);
  auto type = text("text/plain"), name = text(key), value = text("value");
  wasmcloud_messaging_types_method_message_set_content_type(tagged, &type);
  wasmcloud_messaging_types_method_message_add_metadata(tagged, &name, &value);
  wasmcloud_messaging_types_method_message_add_metadata(tagged, &name, &type);
  wasmcloud_messaging_types_metadata_t metadata;
  topics_string_t known;
  if (!wasmcloud_messaging_types_method_message_metadata(tagged, &metadata) || metadata.len != 1 ||
      view(metadata.ptr[0].f1) != "text/plain" ||
      !wasmcloud_messaging_types_method_message_content_type(tagged, &known) || view(known) != "text/plain") {
    return asked.answer("it is not what was set", why);
  }
  Error error{};
  if (asked.answer(message, &error)) return true;
  if (!asked.answer_with(error, why)) return false;
  message = message_of(body);
  const auto cleared = wasmcloud_messaging_types_borrow_message(message);
  wasmcloud_messaging_types_method_message_set_content_type(cleared, &type);
  wasmcloud_messaging_types_method_message_add_metadata(cleared, &name, &value);
  wasmcloud_messaging_types_method_message_remove_metadata(cleared, &name);
  auto topic = text("cleared");
  Client client;
  auto connection = text("");
  return wasmcloud_messaging_types_static_client_connect(&connection, &client, why) &&
         wasmcloud_messaging_producer_send(wasmcloud_messaging_types_borrow_client(client), &topic, message, why);
}

}  // namespace

bool exports_wasmcloud_messaging_incoming_handler_handle(Message message, Error* why) {
  const Asked asked(message);
  auto rest = asked.body();
  const auto verb = take(rest);
  Error error{};
  if (verb == "say") return asked.answer(rest, why);
  if (verb == "topic") return asked.answer(asked.topic(), why);
  if (verb == "tell") {
    const auto topic = take(rest);
    return send("", topic, rest, why);
  }
  if (verb == "over" || verb == "connected") {
    const auto link = take(rest), topic = take(rest);
    if (verb == "over" && !select_link(link)) return asked.answer("there is no such link", why);
    return send(link, topic, rest, &error) || asked.answer_with(error, why);
  }
  if (verb == "request") {
    const auto timeout_ms = number(take(rest));
    return request(asked, timeout_ms, 0, rest, why);
  }
  if (verb == "replies") {
    const auto replies = number(take(rest));
    return request(asked, 0, replies, rest, why);
  }
  if (verb == "tagged") {
    const auto key = take(rest);
    return answer_tagged(asked, key, rest, why);
  }
  if (verb == "trap") {
    if (!rest.empty()) send("", rest, verb, &error);
    __builtin_trap();
  }
  why->tag = WASMCLOUD_MESSAGING_TYPES_ERROR_OTHER;
  why->val.other = text(join("cannot do ", verb));
  return false;
}
