// SPDX-License-Identifier: Apache-2.0
#include "host/question_body.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

namespace weft::host {
namespace {

namespace json = boost::json;

Error malformed(std::string message) { return {Errc::malformed, std::move(message), {}, Blame::peer}; }

Result<json::object> parse(std::string_view body) {
  if (body.size() > kMaxQuestionBytes) {
    return malformed(fmt::format("the question has {} bytes, more than {}", body.size(), kMaxQuestionBytes));
  }
  boost::system::error_code failed;
  auto value = json::parse(body, failed);
  if (failed || !value.is_object()) {
    return malformed("the question is no JSON object");
  }
  return std::move(value.get_object());
}

/// A member that is not there is an empty text.
Result<std::string> text(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  if (value == nullptr) {
    return std::string();
  }
  if (!value->is_string()) {
    return malformed(fmt::format("\"{}\" is not a text", member));
  }
  return std::string(value->get_string());
}

Result<std::string> needed_text(const json::object& object, std::string_view member) {
  WEFT_TRY(auto found, text(object, member));
  if (found.empty()) {
    return malformed(fmt::format("the question has no \"{}\"", member));
  }
  return found;
}

Result<std::uint64_t> number(const json::object& object, std::string_view member, std::uint64_t fallback) {
  const auto* value = object.if_contains(member);
  if (value == nullptr) {
    return fallback;
  }
  boost::system::error_code failed;
  const auto found = value->to_number<std::uint64_t>(failed);
  if (failed) {
    return malformed(fmt::format("\"{}\" is not a whole number", member));
  }
  return found;
}

Result<std::vector<std::string>> texts(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  std::vector<std::string> found;
  if (value == nullptr) {
    return found;
  }
  const auto* array = value->if_array();
  if (array == nullptr || array->size() > kMaxArguments) {
    return malformed(fmt::format("\"{}\" is not a list of at most {} texts", member, kMaxArguments));
  }
  for (const auto& element : *array) {
    if (!element.is_string()) {
      return malformed(fmt::format("\"{}\" has an element that is not a text", member));
    }
    found.emplace_back(element.get_string());
  }
  return found;
}

}  // namespace

Result<CallQuestion> decode_call_question(std::string_view body) {
  WEFT_TRY(const auto object, parse(body));
  CallQuestion question;
  WEFT_TRY(question.component, needed_text(object, "component"));
  WEFT_TRY(question.function, needed_text(object, "function"));
  WEFT_TRY(question.arguments, texts(object, "arguments"));
  WEFT_TRY(const auto format, text(object, "format"));
  if (!format.empty() && format != "wave" && format != "json") {
    return malformed(R"("format" is neither "wave" nor "json")");
  }
  question.format = format == "json" ? ValueFormat::json : ValueFormat::wave;
  WEFT_TRY(question.reference, text(object, "reference"));
  return question;
}

std::string encode(const CallQuestion& question) {
  json::array arguments;
  for (const auto& argument : question.arguments) {
    arguments.emplace_back(argument);
  }
  return json::serialize(json::object{{"component", question.component},
                                      {"function", question.function},
                                      {"arguments", std::move(arguments)},
                                      {"format", question.format == ValueFormat::json ? "json" : "wave"},
                                      {"reference", question.reference}});
}

Result<LogsQuestion> decode_logs_question(std::string_view body) {
  LogsQuestion question;
  if (!body.starts_with('{')) {
    if (body.size() > kMaxQuestionBytes) {
      return malformed("the question is too long");
    }
    question.component = body;
    return question;
  }
  WEFT_TRY(const auto object, parse(body));
  WEFT_TRY(question.component, text(object, "component"));
  WEFT_TRY(question.after, number(object, "after", question.after));
  WEFT_TRY(question.limit, number(object, "limit", question.limit));
  return question;
}

std::string encode(const LogsQuestion& question) {
  return json::serialize(
      json::object{{"component", question.component}, {"after", question.after}, {"limit", question.limit}});
}

}  // namespace weft::host
