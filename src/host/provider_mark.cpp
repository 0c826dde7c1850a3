// SPDX-License-Identifier: Apache-2.0
#include "host/provider_mark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "host/entropy.hpp"
#include "registry/file.hpp"

namespace weft::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRandomBytes = 12;
constexpr std::size_t kMaxBytes = 64;

std::string new_mark() {
  std::string text = "weft";
  for (const auto byte : entropy<kRandomBytes>()) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

/// A short one would be the beginning of others'.
bool is_mark(const std::string& text) {
  return text.size() == new_mark().size() &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

}  // namespace

Result<ProviderMark> open_mark(const std::string& data_dir) {
  if (data_dir.empty()) return ProviderMark{.text = new_mark()};
  const auto folder = data_dir + "/run";
  const auto file = folder + "/mark";
  if (auto kept = registry::read_file(file, kMaxBytes); kept && is_mark(*kept)) {
    return ProviderMark{.text = *std::move(kept), .was_there = true};
  }
  std::error_code failed;
  if (fs::create_directories(folder, failed)) fs::permissions(folder, fs::perms::owner_all, failed);
  if (failed) return registry::file_error("make", folder, failed.value());
  ProviderMark mark{.text = new_mark()};
  WEFT_TRY(auto written, registry::NewFile::create(file));
  WEFT_CHECK(written.write(mark.text));
  WEFT_CHECK(written.commit(0600));
  return mark;
}

}  // namespace weft::host
