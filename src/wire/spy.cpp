// SPDX-License-Identifier: Apache-2.0
#include "wire/spy.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

constexpr std::array kWays = {std::pair{CallWay::here, std::string_view("here")},
                              std::pair{CallWay::out, std::string_view("out")},
                              std::pair{CallWay::in, std::string_view("in")}};

json::object values_json(const SpiedValues& values) {
  json::object object{{"text", to_json(values.text)}, {"bytes", values.bytes}};
  if (values.streams != 0) object["streams"] = values.streams;
  return object;
}

json::object http_json(const SpiedHttp& http) {
  return {{"method", to_json(http.method)},
          {"authority", to_json(http.authority)},
          {"path", to_json(http.path)},
          {"status", http.status}};
}

}  // namespace

// Found by MemberReader.
std::string read_json(const json::value& value, CallWay& out) {
  const auto* const known = value.is_string() ? std::ranges::find(kWays, std::string_view(value.get_string()),
                                                                  &std::pair<CallWay, std::string_view>::second)
                                              : kWays.end();
  if (known == kWays.end()) return "must be here, out or in";
  out = known->first;
  return {};
}

std::string read_json(const json::value& value, SpiedValues& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return members.defaulted("text", out.text).defaulted("bytes", out.bytes).defaulted("streams", out.streams).fault();
}

std::string read_json(const json::value& value, SpiedHttp& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return members.required("method", out.method)
      .defaulted("authority", out.authority)
      .defaulted("path", out.path)
      .defaulted("status", out.status)
      .fault();
}

std::string read_json(const json::value& value, SpiedCall& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return members.required("number", out.number)
      .required("time", out.time)
      .required("nanoseconds", out.nanoseconds)
      .required("way", out.way)
      .required("source", out.source)
      .defaulted("link_name", out.link_name)
      .required("target", out.target)
      .required("interface", out.interface)
      .required("function", out.function)
      .defaulted("params", out.params)
      .defaulted("results", out.results)
      .defaulted("error", out.error)
      .defaulted("http", out.http)
      .fault();
}

std::string_view to_text(CallWay way) noexcept {
  const auto* const known = std::ranges::find(kWays, way, &std::pair<CallWay, std::string_view>::first);
  return known == kWays.end() ? std::string_view() : known->second;
}

std::string encode(const SpyQuestion& question) {
  json::object object{{"session", to_json(question.session)},
                      {"after", question.after},
                      {"wait_ms", question.wait.count()},
                      {"end", question.end}};
  if (question.session.empty()) {
    object["component"] = to_json(question.component);
    object["interface"] = to_json(question.interface);
    object["function"] = to_json(question.function);
    object["text_bytes"] = question.text_bytes;
  }
  return json_text(object);
}

Result<SpyQuestion> decode_spy_question(std::string_view text) {
  constexpr std::string_view what = "spy question";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  SpyQuestion question;
  std::uint64_t wait = 0;
  MemberReader reader(object);
  reader.defaulted("session", question.session)
      .defaulted("after", question.after)
      .defaulted("wait_ms", wait)
      .defaulted("end", question.end);
  if (question.session.empty()) {
    reader.defaulted("component", question.component)
        .defaulted("interface", question.interface)
        .defaulted("function", question.function)
        .defaulted("text_bytes", question.text_bytes);
  }
  question.wait =
      std::chrono::milliseconds(std::min<std::uint64_t>(wait, static_cast<std::uint64_t>(kMaxSpyWait.count())));
  question.text_bytes = std::min(question.text_bytes, kMaxSpyText);
  return std::move(reader).finish(what, std::move(question));
}

std::string encode(const SpiedCall& call) {
  json::object object{{"number", call.number},
                      {"time", to_json(call.time)},
                      {"nanoseconds", call.nanoseconds},
                      {"way", to_json(to_text(call.way))},
                      {"source", to_json(call.source)},
                      {"link_name", to_json(call.link_name)},
                      {"target", to_json(call.target)},
                      {"interface", to_json(call.interface)},
                      {"function", to_json(call.function)},
                      {"params", values_json(call.params)},
                      {"results", values_json(call.results)}};
  if (!call.error.empty()) object["error"] = to_json(call.error);
  if (call.http) object["http"] = http_json(*call.http);
  return json_text(object);
}

std::string encode_spy_answer(std::string_view session, std::uint64_t dropped, const std::vector<std::string>& calls) {
  std::string list = "[";
  for (const auto& call : calls) {
    if (list.size() > 1) list += ',';
    list += call;
  }
  list += ']';
  return json_text_with(json::object{{"session", to_json(session)}, {"dropped", dropped}}, "calls", list);
}

std::string encode(const SpyAnswer& answer) {
  std::vector<std::string> calls;
  calls.reserve(answer.calls.size());
  for (const auto& call : answer.calls) calls.push_back(encode(call));
  return encode_spy_answer(answer.session, answer.dropped, calls);
}

Result<SpyAnswer> decode_spy_answer(std::string_view text) {
  constexpr std::string_view what = "answer to a spy";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  SpyAnswer answer;
  MemberReader reader(object);
  reader.required("session", answer.session).defaulted("dropped", answer.dropped).required("calls", answer.calls);
  return std::move(reader).finish(what, std::move(answer));
}

}  // namespace weft::wire
