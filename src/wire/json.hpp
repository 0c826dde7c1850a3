// SPDX-License-Identifier: Apache-2.0
/// What every JSON codec of the lattice needs: parsing with limits, and reading members with the rules of its peers.
///
/// The peers are Rust programs that use serde, and so are these rules: unknown members are ignored, a whole number is
/// never written with a fraction, `null` stands for an absent member only where the member is optional.
/// Faults name the member and never hold its value, which may be a secret.
/// Threads: pure functions; a MemberReader borrows the object it reads and lives shorter.
/// Errors: malformed (blame: peer). Limits: kMaxJsonBytes, kMaxJsonDepth; of two members of one name the last counts.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weft/result.hpp>

namespace weft::wire {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t kMaxJsonDepth = 32;

/// `what` begins the messages of errors: "component scale command".
Result<boost::json::value> parse_json(std::string_view text, std::string_view what);
/// The same, and it must be an object.
Result<boost::json::object> parse_json_object(std::string_view text, std::string_view what);
Error malformed_json(std::string_view what, std::string_view fault);

/// Always UTF-8, whatever bytes the strings hold: what is not becomes U+FFFD.
std::string json_text(const boost::json::value& value);
/// Members of `object`, then `name`, whose value is JSON text already. Saves parsing it again.
std::string json_text_with(const boost::json::object& object, std::string_view name, std::string_view json);

boost::json::object to_json(const std::map<std::string, std::string>& map);
boost::json::array to_json(const std::vector<std::string>& list);
/// Boost's strings and ours are different types.
inline boost::json::string_view to_json(std::string_view text) noexcept { return {text.data(), text.size()}; }
/// An array with an element from to_json(T) for each of the list.
template <class T>
boost::json::array to_json_array(const std::vector<T>& list) {
  boost::json::array array;
  array.reserve(list.size());
  for (const auto& element : list) array.emplace_back(to_json(element));
  return array;
}

/// A member where there is a value, none where there is not.
template <class T>
void put_optional(boost::json::object& object, std::string_view name, const std::optional<T>& value) {
  if (!value) return;
  if constexpr (requires { to_json(*value); }) {
    object[to_json(name)] = to_json(*value);
  } else {
    object[to_json(name)] = *value;
  }
}

/// read_json(value, out) fills `out` and returns what is wrong with the value: "must be a string". Empty: nothing is.
std::string read_json(const boost::json::value& value, std::string& out);
std::string read_json(const boost::json::value& value, bool& out);
std::string read_json(const boost::json::value& value, std::map<std::string, std::string>& out);

template <std::integral T>
  requires(!std::same_as<T, bool>)
std::string read_json(const boost::json::value& value, T& out) {
  if (value.is_int64() && std::in_range<T>(value.get_int64())) {
    out = static_cast<T>(value.get_int64());
  } else if (value.is_uint64() && std::in_range<T>(value.get_uint64())) {
    out = static_cast<T>(value.get_uint64());
  } else {
    return fmt::format("must be a whole number from {} to {}", std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max());
  }
  return {};
}

template <class T>
std::string read_json(const boost::json::value& value, std::vector<T>& out) {
  if (!value.is_array()) return "must be an array";
  out.clear();
  out.reserve(value.get_array().size());
  for (const auto& element : value.get_array()) {
    if (auto fault = read_json(element, out.emplace_back()); !fault.empty()) {
      return fmt::format("at index {}: {}", out.size() - 1, fault);
    }
  }
  return {};
}

template <class T>
std::string read_json(const boost::json::value& value, std::optional<T>& out) {
  out.reset();
  if (value.is_null()) return {};
  return read_json(value, out.emplace());
}

/// Parses `text` and reads it as a whole.
template <class T>
Result<T> decode_value(std::string_view text, std::string_view what) {
  WEFT_TRY(const auto value, parse_json(text, what));
  T decoded;
  if (const auto fault = read_json(value, decoded); !fault.empty()) return malformed_json(what, fault);
  return decoded;
}

/// Reads the members of one object. The first fault is kept and what follows it is skipped, so that a decoder reads
/// like a table of its members.
class MemberReader {
 public:
  explicit MemberReader(const boost::json::object& object) noexcept : object_(object) {}

  [[nodiscard]] bool has(std::string_view name) const noexcept { return object_.contains(to_json(name)); }
  template <class T>
  MemberReader& required(std::string_view name, T& out) {
    return read(name, out, "is missing");
  }
  /// Absent: `out` keeps what it holds.
  template <class T>
  MemberReader& defaulted(std::string_view name, T& out) {
    return read(name, out, {});
  }
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

  /// The value that was filled, or the error.
  template <class T>
  Result<T> finish(std::string_view what, T value) && {
    if (!fault_.empty()) return malformed_json(what, fault_);
    return value;
  }

 private:
  template <class T>
  MemberReader& read(std::string_view name, T& out, std::string_view fault_when_absent) {
    if (!fault_.empty()) return *this;
    const auto* const value = object_.if_contains(to_json(name));
    const auto fault = value == nullptr ? std::string(fault_when_absent) : read_json(*value, out);
    if (!fault.empty()) fault_ = fmt::format("member `{}` {}", name, fault);
    return *this;
  }

  const boost::json::object& object_;
  std::string fault_;
};

}  // namespace weft::wire
