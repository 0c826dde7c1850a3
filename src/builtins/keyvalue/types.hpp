// SPDX-License-Identifier: Apache-2.0
/// The types of wrpc:keyvalue@0.2.0-draft, and the limits that both back-ends keep.
/// Source: data-plane facts 3.11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>
#include <weft/value.hpp>

namespace weft::builtins::keyvalue {

/// variant { no-such-store, access-denied, other(string) }
using StoreError = std::variant<std::monostate, std::monostate, std::string>;
template <class T>
using Outcome = std::expected<T, StoreError>;

[[nodiscard]] inline std::unexpected<StoreError> no_such_store() {
  return std::unexpected(StoreError(std::in_place_index<0>));
}
[[nodiscard]] inline std::unexpected<StoreError> access_denied() {
  return std::unexpected(StoreError(std::in_place_index<1>));
}
[[nodiscard]] inline std::unexpected<StoreError> other(std::string text) {
  return std::unexpected(StoreError(std::in_place_index<2>, std::move(text)));
}

/// A stored value: immutable and shared, so that it is encoded from where it lies, outside every lock.
class Value {
 public:
  Value() = default;
  explicit Value(std::span<const std::byte> bytes)
      : bytes_(std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end())) {}
  explicit Value(std::string_view text) : Value(std::as_bytes(std::span(text))) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return bytes_ == nullptr ? std::span<const std::byte>() : std::span<const std::byte>(*bytes_);
  }

 private:
  std::shared_ptr<const std::vector<std::byte>> bytes_;
};

/// record { keys: list<string>, cursor: option<u64> }. A cursor is the number of the last key given, in the order in
/// which keys came to be: one that exists all the while is listed exactly once, whatever comes and goes beside it.
struct KeyPage {
  std::vector<std::string> keys;
  std::optional<std::uint64_t> cursor;
  static constexpr auto fields = std::tuple{&KeyPage::keys, &KeyPage::cursor};
};
inline constexpr std::size_t kPageKeys = 1000;

using KeyValueView = std::tuple<std::string_view, std::span<const std::byte>>;
using Found = std::optional<std::tuple<std::string, Value>>;

struct Limits {
  std::uint64_t max_value_bytes = std::uint64_t{16} << 20;
  std::uint64_t max_key_bytes = 4096;
  std::uint64_t max_keys = 1'000'000;
  std::uint64_t max_total_bytes = std::uint64_t{1} << 30;  ///< keys and values, of the memory back-end
};

/// Nothing, or why the limits refuse the pair.
[[nodiscard]] Outcome<void> check_pair(const Limits& limits, std::string_view key, std::span<const std::byte> value);
/// The number that the bytes are the decimal text of, plus `delta`.
[[nodiscard]] Outcome<std::uint64_t> add_to_number(std::span<const std::byte> bytes, std::uint64_t delta);

}  // namespace weft::builtins::keyvalue

template <>
struct weft::Codec<weft::builtins::keyvalue::Value> {
  static void write(ValueWriter& writer, const builtins::keyvalue::Value& value) { writer.write_bytes(value.bytes()); }
};
