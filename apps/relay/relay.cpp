// SPDX-License-Identifier: Apache-2.0
// Does the steps of a script, see README.md. Nothing is freed: the instance ends with the call.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "relay_guest.h"

namespace {

using std::string_view;

relay_guest_string_t text(string_view from) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data())), from.size()};
}
string_view view(const relay_guest_string_t& from) { return {reinterpret_cast<const char*>(from.ptr), from.len}; }

/// The answer so far.
class Answer {
 public:
  void add(string_view more) {
    data_ = static_cast<char*>(std::realloc(data_, size_ + more.size() + 1));
    std::memcpy(data_ + size_, more.data(), more.size());
    size_ += more.size();
  }
  void add(std::uint64_t number) {
    char digits[20];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    add(string_view(digits + at, sizeof digits - at));
  }
  relay_guest_string_t give() const { return {reinterpret_cast<std::uint8_t*>(data_), size_}; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Cuts the part before `end` off `rest`.
string_view take(string_view& rest, char end) {
  const auto at = rest.find(end);
  const auto part = rest.substr(0, at);
  rest = at == string_view::npos ? string_view() : rest.substr(at + 1);
  return part;
}

void call(string_view script, Answer& answer) {
  auto given = text(script);
  relay_guest_string_t got{};
  weft_relay_relay_run(&given, &got);
  answer.add(view(got));
}

/// Calls the linked relay with as much text as it is told, and answers what comes back of it.
void send(string_view digits, Answer& answer) {
  std::size_t count = 0;
  for (const char digit : digits) count = count * 10 + static_cast<std::size_t>(digit - '0');
  auto* const script = static_cast<char*>(std::malloc(count + 4));
  if (script == nullptr) __builtin_trap();
  std::memcpy(script, "say ", 4);
  for (std::size_t at = 0; at < count; ++at) script[at + 4] = static_cast<char>('a' + at % 23);
  Answer back;
  call(string_view(script, count + 4), back);
  const auto got = back.give();
  const bool is_same = got.len == count && std::memcmp(got.ptr, script + 4, count) == 0;
  answer.add(is_same ? "the same " : "other ");
  answer.add(got.len);
}

void link(string_view name, Answer& answer) {
  auto ns = text("weft");
  auto package = text("relay");
  auto interface = text("relay");
  auto target = wasmcloud_bus_lattice_constructor_call_target_interface(&ns, &package, &interface);
  wasmcloud_bus_lattice_list_own_call_target_interface_t list{&target, 1};
  auto given = text(name);
  relay_guest_string_t error{};
  if (!wasmcloud_bus_lattice_set_link_name(&given, &list, &error)) answer.add(view(error));
}

void error_of(const wasi_keyvalue_store_error_t& error, Answer& answer) {
  answer.add("error ");
  answer.add(error.tag == WASI_KEYVALUE_STORE_ERROR_OTHER ? view(error.val.other) : string_view("of another kind"));
}

wasi_keyvalue_store_borrow_bucket_t open(string_view name) {
  auto given = text(name);
  wasi_keyvalue_store_own_bucket_t bucket{};
  wasi_keyvalue_store_error_t error{};
  if (!wasi_keyvalue_store_open(&given, &bucket, &error)) __builtin_trap();
  return wasi_keyvalue_store_borrow_bucket(bucket);
}

void get(string_view bucket, string_view key, Answer& answer) {
  auto name = text(key);
  relay_guest_option_list_u8_t value{};
  wasi_keyvalue_store_error_t error{};
  if (!wasi_keyvalue_store_method_bucket_get(open(bucket), &name, &value, &error)) return error_of(error, answer);
  if (!value.is_some) return answer.add("none");
  answer.add(string_view(reinterpret_cast<const char*>(value.val.ptr), value.val.len));
}

void count(string_view bucket, string_view key, Answer& answer) {
  auto name = text(key);
  std::uint64_t value = 0;
  wasi_keyvalue_store_error_t error{};
  if (!wasi_keyvalue_atomics_increment(open(bucket), &name, 1, &value, &error)) return error_of(error, answer);
  answer.add(value);
}

void ask(string_view question, Answer& answer) {
  auto given = text(question);
  relay_guest_string_t got{};
  wrpc_rpc_error_own_error_t error{};
  if (weft_relay_fallible_ask(&given, &got, &error)) return answer.add(view(got));
  wrpc_rpc_error_method_error_to_debug_string(wrpc_rpc_error_borrow_error(error), &got);
  wrpc_rpc_error_error_drop_own(error);
  answer.add("failed: ");
  answer.add(view(got));
}

void log(string_view message) {
  auto context = text("relay");
  auto given = text(message);
  wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, &context, &given);
}

/// Takes memory for as long as there is some.
void eat() {
  while (auto* piece = static_cast<volatile char*>(std::malloc(1 << 20))) piece[0] = 1;
  __builtin_trap();
}

void spin() {
  for (volatile int round = 0;; round = round + 1) {
  }
}

void step(string_view script, Answer& answer) {
  string_view rest = script;
  const auto word = take(rest, ' ');
  if (word == "say") answer.add(rest);
  if (word == "link") link(rest, answer);
  if (word == "get") get(take(rest, ' '), rest, answer);
  if (word == "count") count(take(rest, ' '), rest, answer);
  if (word == "ask") ask(rest, answer);
  if (word == "log") log(rest);
  if (word == "send") send(rest, answer);
  if (word == "trap") __builtin_trap();
  if (word == "spin") spin();
  if (word == "eat") eat();
}

}  // namespace

extern "C" void exports_weft_relay_relay_run(relay_guest_string_t* script, relay_guest_string_t* ret) {
  Answer answer;
  auto rest = view(*script);
  while (!rest.empty()) {
    if (rest.starts_with("call ")) {
      call(rest.substr(5), answer);
      break;
    }
    if (rest.starts_with("loop")) {
      call(rest, answer);
      break;
    }
    step(take(rest, ';'), answer);
  }
  *ret = answer.give();
}

extern "C" void exports_weft_relay_greeting_hello(relay_guest_string_t* ret) {
  Answer answer;
  answer.add("hello from relay");
  *ret = answer.give();
}
