// SPDX-License-Identifier: Apache-2.0
// The grammar of subjects and keys. Source: NATS documentation, "Subject-Based Messaging"; NATS ADR-8 (keys);
// control-plane facts 2.4 and 4.1 (buckets). '*' and '>' are wildcards only as whole tokens.
#include <algorithm>
#include <string>

#include "bus/bus.hpp"
#include "bus/key_value.hpp"

namespace weft::bus {
namespace {

// Half of what a NATS server reads as one control line (4 KiB), so that subject and reply fit together.
constexpr std::size_t kMaxSubject = 2000;
constexpr std::size_t kMaxShown = 100;

/// Cuts the first token off `rest`; false when there was none left.
bool next_token(std::string_view& rest, bool& more, std::string_view& token) noexcept {
  if (!more) {
    return false;
  }
  const auto dot = rest.find('.');
  token = rest.substr(0, dot);
  more = dot != std::string_view::npos;
  rest = more ? rest.substr(dot + 1) : std::string_view();
  return true;
}

bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Error refuse(std::string_view what, std::string_view text, std::string_view why) {
  std::string shown(text.substr(0, kMaxShown));
  std::ranges::replace_if(shown, is_blank, '?');
  return {Errc::invalid_argument, std::string(what) + " '" + shown + "' " + std::string(why)};
}

enum class Wildcards : std::uint8_t { refused, allowed };

Result<void> check_tokens(std::string_view what, std::string_view subject, Wildcards wildcards) {
  if (subject.empty() || subject.size() > kMaxSubject) {
    return refuse(what, subject, "must have 1 to 2000 bytes");
  }
  if (std::ranges::any_of(subject, is_blank)) {
    return refuse(what, subject, "has a blank or a control character");
  }
  std::string_view rest = subject;
  std::string_view token;
  for (bool more = true; next_token(rest, more, token);) {
    if (token.empty()) {
      return refuse(what, subject, "has an empty token");
    }
    const bool is_tail = token == ">";
    if (wildcards == Wildcards::refused && (is_tail || token == "*")) {
      return refuse(what, subject, "has a wildcard, and nothing can be published to one");
    }
    if (is_tail && more) {
      return refuse(what, subject, "has '>' before its end");
    }
  }
  return {};
}

}  // namespace

bool matches(std::string_view pattern, std::string_view subject) noexcept {
  std::string_view wanted;
  std::string_view token;
  bool more_pattern = true;
  bool more_subject = true;
  while (next_token(pattern, more_pattern, wanted)) {
    if (!next_token(subject, more_subject, token)) {
      return false;
    }
    if (wanted == ">" && !more_pattern) {
      return true;
    }
    if (wanted != "*" && wanted != token) {
      return false;
    }
  }
  return !more_subject;
}

bool has_wildcard(std::string_view pattern) noexcept {
  std::string_view token;
  for (bool more = true; next_token(pattern, more, token);) {
    if (token == "*" || token == ">") {
      return true;
    }
  }
  return false;
}

Result<void> check_subject(std::string_view subject) { return check_tokens("subject", subject, Wildcards::refused); }

Result<void> check_pattern(std::string_view pattern) { return check_tokens("subject", pattern, Wildcards::allowed); }

Result<void> check_queue_group(std::string_view group) {
  if (group.size() > kMaxSubject || std::ranges::any_of(group, is_blank)) {
    return refuse("queue group", group, "has a blank or is too long");
  }
  return {};
}

Result<void> check_key(std::string_view key) {
  const auto is_allowed = [](char c) { return is_alphanumeric(c) || std::string_view("-/_=.").contains(c); };
  if (key.empty() || key.size() > kMaxSubject || !std::ranges::all_of(key, is_allowed)) {
    return refuse("key", key, "must be 1 to 2000 letters, digits and any of -/_=.");
  }
  if (key.starts_with('.') || key.ends_with('.') || key.contains("..")) {
    return refuse("key", key, "has a '.' at an end or two in a row");
  }
  return {};
}

Result<void> check_bucket_name(std::string_view name) {
  const auto is_allowed = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; };
  if (name.empty() || name.size() > kMaxSubject || !std::ranges::all_of(name, is_allowed)) {
    return refuse("bucket", name, "must be letters, digits, '-' and '_'");
  }
  return {};
}

Result<void> check_message(const Message& message, std::size_t max_payload) {
  WEFT_CHECK(check_subject(message.subject));
  if (!message.reply.empty()) {
    WEFT_CHECK(check_subject(message.reply));
  }
  std::size_t size = message.payload.size();
  for (const auto& header : message.headers) {
    const bool bad_name =
        header.name.empty() || header.name.contains(':') || std::ranges::any_of(header.name, is_blank);
    if (bad_name || header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return refuse("header", header.name, "is none: a name without blanks or ':', a value of one line");
    }
    size += header.name.size() + header.value.size() + 4;  // ": " and the line's end
  }
  if (size > max_payload) {
    return Error(Errc::resource_exhausted, "a message to '" + message.subject.substr(0, kMaxShown) + "' has " +
                                               std::to_string(size) + " bytes, and this bus takes " +
                                               std::to_string(max_payload));
  }
  return {};
}

}  // namespace weft::bus
