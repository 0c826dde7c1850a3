// SPDX-License-Identifier: Apache-2.0
/// For tests of keyvalue providers: their functions as a component calls them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "builtins/keyvalue/types.hpp"
#include "builtins/provider_stage.hpp"

namespace weft::builtins::keyvalue {

using Bytes = std::vector<std::byte>;
using Got = Outcome<std::optional<Bytes>>;
using Many = Outcome<std::vector<std::optional<std::tuple<std::string, Bytes>>>>;

inline constexpr std::string_view kStore = "wrpc:keyvalue/store@0.2.0-draft";
inline constexpr std::string_view kAtomics = "wrpc:keyvalue/atomics@0.2.0-draft";
inline constexpr std::string_view kBatch = "wrpc:keyvalue/batch@0.2.0-draft";

inline Bytes bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

struct Page {
  std::vector<std::string> keys;
  std::optional<std::uint64_t> cursor;
  static constexpr auto fields = std::tuple{&Page::keys, &Page::cursor};
};

class StoreStage : public ProviderStage {
 protected:
  template <class T, class... A>
  T call(std::string_view interface, std::string_view function, const A&... params) {
    auto result = caller_.call<T>(*target_, interface, function, params...);
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *std::move(result) : T(std::unexpected(StoreError(std::in_place_index<2>, "the call failed")));
  }
  Got get(std::string_view key, std::string_view bucket = "default") { return call<Got>(kStore, "get", bucket, key); }
  Outcome<void> set(std::string_view key, std::string_view value, std::string_view bucket = "default") {
    return call<Outcome<void>>(kStore, "set", bucket, key, bytes(value));
  }
  Outcome<std::uint64_t> increment(std::string_view key, std::uint64_t delta) {
    return call<Outcome<std::uint64_t>>(kAtomics, "increment", "default", key, delta);
  }
  Outcome<Page> list(std::optional<std::uint64_t> cursor = {}) {
    return call<Outcome<Page>>(kStore, "list-keys", "default", cursor);
  }
  template <class T>
  static std::string why(const Outcome<T>& outcome) {
    return outcome ? "(fine)" : outcome.error().index() == 2 ? std::get<2>(outcome.error()) : "(typed)";
  }
};

}  // namespace weft::builtins::keyvalue
