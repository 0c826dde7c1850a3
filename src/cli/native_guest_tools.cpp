// SPDX-License-Identifier: Apache-2.0
#include "cli/native_guest_tools.hpp"

#include <fmt/format.h>
#include <weft_wit.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <system_error>

namespace weft::cli {
namespace {

struct FreeString {
  void operator()(char* text) const noexcept { weft_wit_free_string(text); }
};
using OwnedString = std::unique_ptr<char, FreeString>;

/// A sentence as weft's own messages are.
std::string sentence(const char* text) {
  std::string message = text == nullptr || *text == '\0' ? "the tool gave no reason" : text;
  if (message[0] >= 'a' && message[0] <= 'z') message[0] = static_cast<char>(message[0] - 'a' + 'A');
  if (message.back() != '.' && message.back() != '\n') message += '.';
  return message;
}

/// The first line is the message, what follows its detail.
Error failure(weft_wit_status status, const OwnedString& text, std::string hint) {
  const std::string message = sentence(text.get());
  const std::size_t line_end = message.find('\n');
  const Errc code = status == WEFT_WIT_FAILED         ? Errc::malformed
                    : status == WEFT_WIT_BAD_ARGUMENT ? Errc::invalid_argument
                                                      : Errc::internal;
  Error error(code, message.substr(0, line_end), std::move(hint), Blame::operator_);
  if (line_end == std::string::npos) return error;
  return std::move(error).with_detail(message.substr(line_end + 1));
}

Result<void> must_exist(const std::string& wit) {
  std::error_code failed;
  if (std::filesystem::exists(wit, failed)) return {};
  return Error(Errc::not_found, fmt::format("There is no WIT at '{}'.", wit), "Check the path.", Blame::operator_);
}

weft_wit_adapter adapter_of(std::string_view name) {
  if (name == "none") return WEFT_WIT_ADAPTER_NONE;
  if (name == "reactor") return WEFT_WIT_ADAPTER_REACTOR;
  if (name == "command") return WEFT_WIT_ADAPTER_COMMAND;
  if (name == "proxy") return WEFT_WIT_ADAPTER_PROXY;
  return WEFT_WIT_ADAPTER_AUTO;
}

}  // namespace

Result<void> NativeGuestTools::bindgen(const std::string& wit, const std::string& world, const std::string& out_dir) {
  WEFT_CHECK(must_exist(wit));
  std::error_code failed;
  std::filesystem::create_directories(out_dir, failed);
  if (failed) {
    return Error(Errc::io, fmt::format("The folder '{}' cannot be made: {}.", out_dir, failed.message()),
                 "Name another with '--out-dir'.", Blame::operator_);
  }
  char* text = nullptr;
  const weft_wit_status status = weft_wit_bindgen(wit.c_str(), world.c_str(), out_dir.c_str(), &text);
  const OwnedString owned(text);
  if (status != WEFT_WIT_OK)
    return failure(status, owned, "Check the WIT, its 'deps' folder and the name of the world.");
  return {};
}

Result<std::string> NativeGuestTools::componentize(std::string_view module, std::string_view adapter,
                                                   const std::string& wit, const std::string& world) {
  if (!wit.empty()) WEFT_CHECK(must_exist(wit));
  char* text = nullptr;
  std::uint8_t* bytes = nullptr;
  std::size_t length = 0;
  const weft_wit_status status =
      weft_wit_new(reinterpret_cast<const std::uint8_t*>(module.data()), module.size(), adapter_of(adapter),
                   wit.empty() ? nullptr : wit.c_str(), world.c_str(), &bytes, &length, &text);
  const OwnedString owned(text);
  if (status != WEFT_WIT_OK) {
    return failure(status, owned,
                   "Link the '_component_type.o' of 'weft wit bindgen' into the module, or name its world with --wit "
                   "and --world.");
  }
  std::string component(reinterpret_cast<const char*>(bytes), length);
  weft_wit_free_bytes(bytes, length);
  return component;
}

}  // namespace weft::cli
