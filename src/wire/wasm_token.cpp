// SPDX-License-Identifier: Apache-2.0
#include "wire/wasm_token.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "wire/sha256.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kMagic{"\0asm", 4};
constexpr std::string_view kModuleLayer{"\x01\0\0\0", 4};
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kMaxLengthBytes = 5;
constexpr std::string_view kTokenSection = "wasmcloud_jwt";
constexpr std::string_view kOldTokenSection = "jwt";
// Sections of a component; in a core module the same numbers mean types and tables.
constexpr std::uint8_t kCustom = 0;
constexpr std::uint8_t kCoreModule = 1;
constexpr std::uint8_t kComponent = 4;

Error malformed_wasm(std::string_view fault) {
  return Error{Errc::malformed, "not a WebAssembly binary: " + std::string(fault), {}, Blame::guest};
}

/// Bounds are checked here and nowhere else.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  std::optional<std::uint8_t> byte() noexcept {
    if (rest_.empty()) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::optional<std::string_view> take(std::size_t count) noexcept {
    if (count > rest_.size()) return std::nullopt;
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  /// As many bytes as the length before them says: unsigned LEB128 of 32 bits, in any of its forms.
  std::optional<std::string_view> take_prefixed() noexcept {
    std::uint64_t length = 0;
    for (unsigned at = 0; at < kMaxLengthBytes; ++at) {
      const auto next = byte();
      if (!next) return std::nullopt;
      length |= static_cast<std::uint64_t>(*next & 0x7FU) << (7 * at);
      if ((*next & 0x80U) == 0) return length > 0xFFFFFFFFU ? std::nullopt : take(length);
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

void append_prefixed(std::string& out, std::string_view body) {
  auto length = body.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>((length & 0x7FU) | 0x80U);
  out += static_cast<char>(length);
  out += body;
}

struct Section {
  std::uint8_t id = 0;
  std::string_view body;
};

/// One level of the binary: its header, then section after section.
class Sections {
 public:
  static Result<Sections> open(std::string_view wasm) {
    if (wasm.size() < kHeaderBytes || !wasm.starts_with(kMagic)) return malformed_wasm("its header is missing");
    return Sections(wasm);
  }

  [[nodiscard]] std::string_view header() const noexcept { return header_; }
  [[nodiscard]] bool at_end() const noexcept { return cursor_.at_end(); }
  Result<Section> next() {
    const auto id = cursor_.byte();
    const auto body = cursor_.take_prefixed();
    if (!id || !body) return malformed_wasm("a section is cut");
    return Section{*id, *body};
  }
  [[nodiscard]] bool is_nested(const Section& section) const noexcept {
    return !is_module_ && (section.id == kCoreModule || section.id == kComponent);
  }

 private:
  explicit Sections(std::string_view wasm)
      : header_(wasm.substr(0, kHeaderBytes)),
        cursor_(wasm.substr(kHeaderBytes)),
        is_module_(header_.ends_with(kModuleLayer)) {}

  std::string_view header_;
  Cursor cursor_;
  bool is_module_;
};

struct CustomSection {
  std::string_view name;
  std::string_view content;
};

Result<CustomSection> read_custom(const Section& section) {
  Cursor cursor(section.body);
  const auto name = cursor.take_prefixed();
  if (!name) return malformed_wasm("the name of a custom section is cut");
  return CustomSection{*name, cursor.rest()};
}

Error too_deep() { return malformed_wasm("its components are nested too deeply"); }

Result<std::optional<std::string_view>> find_at(std::string_view wasm, std::size_t depth) {
  if (depth > kMaxWasmDepth) return too_deep();
  WEFT_TRY(auto sections, Sections::open(wasm));
  while (!sections.at_end()) {
    WEFT_TRY(const auto section, sections.next());
    if (section.id == kCustom) {
      WEFT_TRY(const auto custom, read_custom(section));
      const bool is_token = custom.name == kOldTokenSection || (depth == 0 && custom.name == kTokenSection);
      if (is_token) return std::optional(custom.content);
    } else if (sections.is_nested(section)) {
      WEFT_TRY(const auto found, find_at(section.body, depth + 1));
      if (found) return found;
    }
  }
  return std::optional<std::string_view>();
}

Result<std::string> strip_at(std::string_view wasm, std::size_t depth) {
  if (depth > kMaxWasmDepth) return too_deep();
  WEFT_TRY(auto sections, Sections::open(wasm));
  std::string out;
  out.reserve(wasm.size());
  out += sections.header();
  while (!sections.at_end()) {
    WEFT_TRY(const auto section, sections.next());
    if (section.id == kCustom) {
      WEFT_TRY(const auto custom, read_custom(section));
      if (custom.name == kOldTokenSection || custom.name == kTokenSection) continue;
    }
    out += static_cast<char>(section.id);
    if (sections.is_nested(section)) {
      WEFT_TRY(const auto nested, strip_at(section.body, depth + 1));
      append_prefixed(out, nested);
    } else {
      append_prefixed(out, section.body);
    }
  }
  return out;
}

}  // namespace

Result<std::optional<std::string_view>> find_wasm_token(std::string_view wasm) { return find_at(wasm, 0); }

Result<std::string> strip_wasm_tokens(std::string_view wasm) { return strip_at(wasm, 0); }

std::string append_wasm_token(std::string_view stripped, std::string_view token) {
  std::string body;
  append_prefixed(body, kTokenSection);
  body += token;
  std::string out(stripped);
  out += static_cast<char>(kCustom);
  append_prefixed(out, body);
  return out;
}

std::string sha256_text(std::string_view bytes) { return upper_hex(sha256(bytes)); }

}  // namespace weft::wire
