// SPDX-License-Identifier: Apache-2.0
/// C++ values in the one encoding that calls, links and providers share: `encode(value)`, `decode<T>(bytes)`, and
/// Codec<T>, which says how one type is written and read.
///
///   u8..u64, s8..s64    std::uint8_t .. std::int64_t        list<u8>     std::vector<std::byte> or <std::uint8_t>
///   bool, f32, f64      bool, float, double                 list<T>      std::vector<T>
///   char, string        char32_t, std::string               option<T>    std::optional<T>
///   tuple<A, B>         std::tuple<A, B>, std::pair<A, B>   result<T, E> std::expected<T, E>; nothing: void, monostate
///   variant             std::variant, cases by index; a case without payload is std::monostate
///   enum                enum class with kEnumCases<E>       flags        enum class with kFlagCount<E>, std::bitset<N>
///   record              struct with `static constexpr auto fields = std::tuple{&S::a, &S::b};`
///   own<R>, borrow<R>   Handle<R>
///
/// std::string_view and std::span<const std::byte> are read as views of the encoded bytes. Types that are read have a
/// default constructor. A type of one's own joins by specialising Codec. WIT has no recursive types: a C++ type that
/// contains itself would let a peer choose the depth of the stack.
/// Errors: malformed, resource_exhausted (reading); invalid_argument (writing). Threads: pure functions.
/// Source: data-plane facts 2.
#pragma once

#include <weft/error.hpp>
#include <weft/result.hpp>
#include <weft/value_reader.hpp>
#include <weft/value_writer.hpp>

#include <algorithm>
#include <bitset>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weft {

/// `static void write(ValueWriter&, const T&)` and `static bool read(ValueReader&, T&)`.
template <class T>
struct Codec;

/// How many cases an enum has: `template <> inline constexpr std::uint32_t weft::kEnumCases<Color> = 3;`
template <class E>
inline constexpr std::uint32_t kEnumCases = 0;
/// How many flags an enum class of bits has, at most 64.
template <class E>
inline constexpr std::uint32_t kFlagCount = 0;

/// A resource of the interface, as bytes that mean something to its exporter alone. `R` only tells kinds apart.
template <class R>
struct Handle {
  std::string bytes;
  friend bool operator==(const Handle&, const Handle&) = default;
};

template <class T>
void write_value(ValueWriter& writer, const T& value) {
  Codec<T>::write(writer, value);
}
template <class T>
[[nodiscard]] bool read_value(ValueReader& reader, T& value) {
  return Codec<T>::read(reader, value);
}

/// The parameters of a call are one tuple: encode(std::tuple("key", 3)).
template <class T>
[[nodiscard]] Result<std::vector<std::byte>> encode(const T& value) {
  ValueWriter writer;
  write_value(writer, value);
  if (!writer.ok()) return writer.error();
  return writer.to_vector();
}

/// Bytes after the value are ignored, as every peer does.
template <class T>
[[nodiscard]] Result<T> decode(std::span<const std::byte> bytes,
                               std::size_t max_decoded_bytes = ValueReader::kMaxDecodedBytes) {
  ValueReader reader(bytes, max_decoded_bytes);
  T value{};
  if (!read_value(reader, value)) return reader.error();
  return value;
}

template <>
struct Codec<bool> {
  static void write(ValueWriter& writer, bool value) { writer.write_bool(value); }
  static bool read(ValueReader& reader, bool& out) { return reader.read_bool(out); }
};

template <WireInteger T>
struct Codec<T> {
  static void write(ValueWriter& writer, T value) { writer.write_integer(value); }
  static bool read(ValueReader& reader, T& out) { return reader.read_integer(out); }
};

template <class T>
  requires(std::same_as<T, float> || std::same_as<T, double>)
struct Codec<T> {
  static void write(ValueWriter& writer, T value) { writer.write_float(value); }
  static bool read(ValueReader& reader, T& out) { return reader.read_float(out); }
};

template <>
struct Codec<char32_t> {
  static void write(ValueWriter& writer, char32_t value) { writer.write_char(value); }
  static bool read(ValueReader& reader, char32_t& out) { return reader.read_char(out); }
};

template <>
struct Codec<std::string_view> {
  static void write(ValueWriter& writer, std::string_view value) { writer.write_string(value); }
  static bool read(ValueReader& reader, std::string_view& out) { return reader.read_string(out); }
};

template <>
struct Codec<std::string> {
  static void write(ValueWriter& writer, std::string_view value) { writer.write_string(value); }
  static bool read(ValueReader& reader, std::string& out) {
    std::string_view text;
    if (!reader.read_string(text) || !reader.charge(text.size())) return false;
    out = text;
    return true;
  }
};

template <>
struct Codec<const char*> {
  static void write(ValueWriter& writer, const char* value) { writer.write_string(value); }
};
template <std::size_t kSize>
struct Codec<char[kSize]> {
  static void write(ValueWriter& writer, const char* value) { writer.write_string(value); }
};

/// Nothing: zero bytes.
template <>
struct Codec<std::monostate> {
  static void write(ValueWriter& /*writer*/, std::monostate /*value*/) {}
  static bool read(ValueReader& reader, std::monostate& /*out*/) { return reader.ok(); }
};

namespace detail {

template <class T>
concept ByteLike = std::same_as<T, std::byte> || std::same_as<T, std::uint8_t>;

/// A peer that says "2^32 elements of nothing" costs five bytes; nobody needs many of those.
inline constexpr std::uint32_t kMaxEmptyElements = 65'536;
/// What a list reserves before it has seen an element.
inline constexpr std::size_t kFirstReserveBytes = 4096;

}  // namespace detail

template <class T>
struct Codec<std::vector<T>> {
  static void write(ValueWriter& writer, const std::vector<T>& value) {
    if constexpr (detail::ByteLike<T>) {
      writer.write_bytes(std::as_bytes(std::span(value)));
    } else {
      writer.write_count(value.size());
      for (const auto& element : value) write_value<T>(writer, element);
    }
  }
  static bool read(ValueReader& reader, std::vector<T>& out) {
    if constexpr (detail::ByteLike<T>) {
      std::span<const std::byte> raw;
      if (!reader.read_bytes(raw) || !reader.charge(raw.size())) return false;
      out.resize(raw.size());
      if (!raw.empty()) std::memcpy(out.data(), raw.data(), raw.size());
      return true;
    } else {
      return read_elements(reader, out);
    }
  }

 private:
  static bool read_elements(ValueReader& reader, std::vector<T>& out) {
    std::uint32_t count = 0;
    if (!reader.read_integer(count)) return false;
    out.clear();
    out.reserve(std::min<std::size_t>({count, reader.remaining(), detail::kFirstReserveBytes / sizeof(T) + 1}));
    for (std::uint32_t index = 0; index < count; ++index) {
      if (!reader.charge(sizeof(T))) return false;
      const std::size_t before = reader.offset();
      T element{};
      if (!read_value(reader, element)) return false;
      out.push_back(std::move(element));
      if (reader.offset() == before && count > detail::kMaxEmptyElements) {
        return reader.fail("a list has too many elements of no bytes", Errc::resource_exhausted);
      }
    }
    return true;
  }
};

/// Written like a list. Read only as a view of list<u8>.
template <class T>
struct Codec<std::span<const T>> {
  static void write(ValueWriter& writer, std::span<const T> value) {
    if constexpr (detail::ByteLike<T>) {
      writer.write_bytes(std::as_bytes(value));
    } else {
      writer.write_count(value.size());
      for (const auto& element : value) write_value<T>(writer, element);
    }
  }
  static bool read(ValueReader& reader, std::span<const T>& out)
    requires std::same_as<T, std::byte>
  {
    return reader.read_bytes(out);
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static void write(ValueWriter& writer, const std::optional<T>& value) {
    writer.write_bool(value.has_value());
    if (value) write_value<T>(writer, *value);
  }
  static bool read(ValueReader& reader, std::optional<T>& out) {
    bool some = false;
    if (!reader.read_option(some)) return false;
    if (!some) {
      out.reset();
      return true;
    }
    return read_value<T>(reader, out.emplace());
  }
};

template <class T, class E>
struct Codec<std::expected<T, E>> {
  static void write(ValueWriter& writer, const std::expected<T, E>& value) {
    writer.write_bool(!value.has_value());
    if (!value) {
      write_value<E>(writer, value.error());
    } else if constexpr (!std::is_void_v<T>) {
      write_value<T>(writer, *value);
    }
  }
  static bool read(ValueReader& reader, std::expected<T, E>& out) {
    bool is_error = false;
    if (!reader.read_option(is_error)) return false;
    if (is_error) {
      E error{};
      if (!read_value<E>(reader, error)) return false;
      out = std::unexpected<E>(std::move(error));
      return true;
    }
    if constexpr (std::is_void_v<T>) {
      out.emplace();
      return true;
    } else {
      T value{};
      if (!read_value<T>(reader, value)) return false;
      out = std::move(value);
      return true;
    }
  }
};

template <class... Members>
struct Codec<std::tuple<Members...>> {
  static void write(ValueWriter& writer, const std::tuple<Members...>& value) {
    std::apply([&](const auto&... members) { (write_value(writer, members), ...); }, value);
  }
  static bool read(ValueReader& reader, std::tuple<Members...>& out) {
    return std::apply([&](auto&... members) { return (read_value(reader, members) && ... && reader.ok()); }, out);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static void write(ValueWriter& writer, const std::pair<A, B>& value) {
    write_value<A>(writer, value.first);
    write_value<B>(writer, value.second);
  }
  static bool read(ValueReader& reader, std::pair<A, B>& out) {
    return read_value<A>(reader, out.first) && read_value<B>(reader, out.second);
  }
};

template <class... Cases>
struct Codec<std::variant<Cases...>> {
  using Variant = std::variant<Cases...>;
  static void write(ValueWriter& writer, const Variant& value) {
    if (value.valueless_by_exception()) {
      writer.fail("a variant holds no case");
      return;
    }
    writer.write_integer(static_cast<std::uint32_t>(value.index()));
    std::visit([&](const auto& payload) { write_value(writer, payload); }, value);
  }
  static bool read(ValueReader& reader, Variant& out) {
    std::uint32_t index = 0;
    if (!reader.read_case(sizeof...(Cases), index)) return false;
    return read_at(reader, out, index, std::index_sequence_for<Cases...>());
  }

 private:
  template <std::size_t... kIndices>
  static bool read_at(ValueReader& reader, Variant& out, std::uint32_t index,
                      std::index_sequence<kIndices...> /*indices*/) {
    return ((index == kIndices && read_value(reader, out.template emplace<kIndices>())) || ...);
  }
};

template <class E>
  requires(std::is_enum_v<E> && kEnumCases<E> != 0)
struct Codec<E> {
  static void write(ValueWriter& writer, E value) {
    const auto index = static_cast<std::uint64_t>(value);
    if (index >= kEnumCases<E>) writer.fail("an enum has no such case");
    writer.write_integer(static_cast<std::uint32_t>(index));
  }
  static bool read(ValueReader& reader, E& out) {
    std::uint32_t index = 0;
    if (!reader.read_case(kEnumCases<E>, index)) return false;
    out = static_cast<E>(index);
    return true;
  }
};

namespace detail {

/// Bit i of a set is bit i mod 8 of byte i div 8; bits past the last flag are clear.
template <class GetBit>
void write_flags(ValueWriter& writer, std::size_t count, GetBit get_bit) {
  for (std::size_t begin = 0; begin < count; begin += 8) {
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8 && begin + bit < count; ++bit) {
      if (get_bit(begin + bit)) byte |= 1U << bit;
    }
    writer.write_integer(static_cast<std::uint8_t>(byte));
  }
}

template <class SetBit>
bool read_flags(ValueReader& reader, std::size_t count, SetBit set_bit) {
  for (std::size_t begin = 0; begin < count; begin += 8) {
    std::uint8_t byte = 0;
    if (!reader.read_integer(byte)) return false;
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if ((byte & (1U << bit)) == 0) continue;
      if (begin + bit >= count) return reader.fail("a set has a flag that does not exist");
      set_bit(begin + bit);
    }
  }
  return true;
}

}  // namespace detail

template <class E>
  requires(std::is_enum_v<E> && kFlagCount<E> != 0)
struct Codec<E> {
  using Bits = std::make_unsigned_t<std::underlying_type_t<E>>;
  static_assert(kFlagCount<E> <= sizeof(Bits) * 8, "the enum's type is too narrow for its flags; or use std::bitset");

  static void write(ValueWriter& writer, E value) {
    const auto bits = static_cast<std::uint64_t>(static_cast<Bits>(value));
    if constexpr (kFlagCount<E> < 64) {
      if ((bits >> kFlagCount<E>) != 0) writer.fail("a set has a flag that does not exist");
    }
    detail::write_flags(writer, kFlagCount<E>, [&](std::size_t flag) { return ((bits >> flag) & 1U) != 0; });
  }
  static bool read(ValueReader& reader, E& out) {
    std::uint64_t bits = 0;
    if (!detail::read_flags(reader, kFlagCount<E>, [&](std::size_t flag) { bits |= std::uint64_t{1} << flag; })) {
      return false;
    }
    out = static_cast<E>(static_cast<Bits>(bits));
    return true;
  }
};

template <std::size_t kCount>
struct Codec<std::bitset<kCount>> {
  static void write(ValueWriter& writer, const std::bitset<kCount>& value) {
    detail::write_flags(writer, kCount, [&](std::size_t flag) { return value[flag]; });
  }
  static bool read(ValueReader& reader, std::bitset<kCount>& out) {
    out.reset();
    return detail::read_flags(reader, kCount, [&](std::size_t flag) { out.set(flag); });
  }
};

template <class R>
struct Codec<Handle<R>> {
  static void write(ValueWriter& writer, const Handle<R>& value) {
    writer.write_bytes(std::as_bytes(std::span(value.bytes)));
  }
  static bool read(ValueReader& reader, Handle<R>& out) {
    std::span<const std::byte> raw;
    if (!reader.read_bytes(raw) || !reader.charge(raw.size())) return false;
    out.bytes.assign(reinterpret_cast<const char*>(raw.data()), raw.size());
    return true;
  }
};

/// A struct that names its members in order.
template <class T>
concept Record = std::is_class_v<T> && requires { std::tuple_size<std::remove_cvref_t<decltype(T::fields)>>::value; };

template <Record T>
struct Codec<T> {
  static void write(ValueWriter& writer, const T& value) {
    std::apply([&](auto... fields) { (write_value(writer, value.*fields), ...); }, T::fields);
  }
  static bool read(ValueReader& reader, T& out) {
    return std::apply([&](auto... fields) { return (read_value(reader, out.*fields) && ... && reader.ok()); },
                      T::fields);
  }
};

}  // namespace weft
