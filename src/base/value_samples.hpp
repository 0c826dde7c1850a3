// SPDX-License-Identifier: Apache-2.0
/// Types of every shape for the tests and the fuzzer of weft/value.hpp, and random values of them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <weft/value.hpp>

namespace weft::samples {

enum class Color : std::uint8_t { red, green, blue };
enum class Rights : std::uint16_t { none = 0, first = 1, last = 1U << 9U };
struct Point {
  std::int32_t x = 0;
  std::int16_t y = 0;
  static constexpr auto fields = std::tuple{&Point::x, &Point::y};
  friend bool operator==(const Point&, const Point&) = default;
};
struct Bucket;
using Shape = std::variant<std::monostate, Point, std::string, std::vector<Point>, std::string>;

struct Everything {
  bool a = false;
  std::uint8_t b = 0;
  std::int8_t c = 0;
  std::uint16_t d = 0;
  std::int16_t e = 0;
  std::uint32_t f = 0;
  std::int32_t g = 0;
  std::uint64_t h = 0;
  std::int64_t i = 0;
  float j = 0;
  double k = 0;
  char32_t l = 0;
  std::string m;
  std::vector<std::byte> n;
  std::vector<std::string> o;
  std::optional<std::optional<std::uint8_t>> p;
  std::expected<void, std::string> q;
  std::expected<std::uint32_t, std::monostate> r;
  std::tuple<std::pair<bool, Color>, std::vector<bool>> s;
  Shape t;
  Rights u = Rights::none;
  std::bitset<17> v;
  Handle<Bucket> w;
  std::vector<std::vector<std::int64_t>> x;
  static constexpr auto fields =
      std::tuple{&Everything::a, &Everything::b, &Everything::c, &Everything::d, &Everything::e, &Everything::f,
                 &Everything::g, &Everything::h, &Everything::i, &Everything::j, &Everything::k, &Everything::l,
                 &Everything::m, &Everything::n, &Everything::o, &Everything::p, &Everything::q, &Everything::r,
                 &Everything::s, &Everything::t, &Everything::u, &Everything::v, &Everything::w, &Everything::x};
  friend bool operator==(const Everything&, const Everything&) = default;
};

/// Random values; numbers of every magnitude are equally likely.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  void make(bool& out) { out = below(2) == 1; }
  template <WireInteger T>
  void make(T& out) {
    out = static_cast<T>(random_() >> below(64));
    if (below(2) == 1) out = static_cast<T>(~out);
  }
  void make(float& out) { out = static_cast<float>(static_cast<std::int64_t>(random_())) / 1024; }
  void make(double& out) { out = static_cast<double>(static_cast<std::int64_t>(random_())) / 1024; }
  void make(char32_t& out) {
    constexpr std::array<char32_t, 4> limits = {0x80, 0x800, 0xd800, 0x110000};
    out = static_cast<char32_t>(below(limits[below(4)]));
    if (out >= 0xd800 && out < 0xe000) out = 0xe000;
  }
  void make(std::byte& out) { out = static_cast<std::byte>(below(256)); }
  void make(std::monostate& /*out*/) {}
  void make(Color& out) { out = static_cast<Color>(below(3)); }
  void make(Rights& out) { out = static_cast<Rights>(below(1U << 10U)); }
  void make(std::string& out) {
    ValueWriter text;
    for (auto left = below(20); left > 0; --left) {
      char32_t scalar = 0;
      make(scalar);
      text.write_char(scalar);
    }
    out.assign(reinterpret_cast<const char*>(text.bytes().data()), text.bytes().size());
  }
  template <class T>
  void make(std::vector<T>& out) {
    out.clear();
    for (auto left = below(6); left > 0; --left) {
      T element{};
      make(element);
      out.push_back(std::move(element));
    }
  }
  template <class T>
  void make(std::optional<T>& out) {
    out.reset();
    if (below(2) == 1) make(out.emplace());
  }
  template <class T, class E>
  void make(std::expected<T, E>& out) {
    if (below(2) == 1) {
      E error{};
      make(error);
      out = std::unexpected(std::move(error));
    } else if constexpr (!std::is_void_v<T>) {
      T value{};
      make(value);
      out = std::move(value);
    }
  }
  template <class A, class B>
  void make(std::pair<A, B>& out) {
    make(out.first);
    make(out.second);
  }
  template <class... T>
  void make(std::tuple<T...>& out) {
    std::apply([this](auto&... members) { (this->make(members), ...); }, out);
  }
  void make(Shape& out) {
    switch (below(5)) {
      case 1:
        make(out.emplace<1>());
        break;
      case 2:
        make(out.emplace<2>());
        break;
      case 3:
        make(out.emplace<3>());
        break;
      case 4:
        make(out.emplace<4>());
        break;
      default:
        out.emplace<0>();
        break;
    }
  }
  template <std::size_t kCount>
  void make(std::bitset<kCount>& out) {
    for (std::size_t bit = 0; bit < kCount; ++bit) out.set(bit, below(2) == 1);
  }
  template <class R>
  void make(Handle<R>& out) {
    out.bytes.assign(below(20), static_cast<char>(below(256)));
  }
  template <Record T>
  void make(T& out) {
    std::apply([&](auto... fields) { (make(out.*fields), ...); }, T::fields);
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::mt19937_64 random_;
};

}  // namespace weft::samples

template <>
inline constexpr std::uint32_t weft::kEnumCases<weft::samples::Color> = 3;
template <>
inline constexpr std::uint32_t weft::kFlagCount<weft::samples::Rights> = 10;
