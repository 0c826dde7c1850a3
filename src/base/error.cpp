// SPDX-License-Identifier: Apache-2.0
#include <weft/error.hpp>

namespace weft {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::internal:
      return "internal";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::already_exists:
      return "already_exists";
    case Errc::permission_denied:
      return "permission_denied";
    case Errc::not_granted:
      return "not_granted";
    case Errc::unsupported:
      return "unsupported";
    case Errc::malformed:
      return "malformed";
    case Errc::resource_exhausted:
      return "resource_exhausted";
    case Errc::deadline_exceeded:
      return "deadline_exceeded";
    case Errc::cancelled:
      return "cancelled";
    case Errc::trap:
      return "trap";
    case Errc::guest_exit:
      return "guest_exit";
    case Errc::unavailable:
      return "unavailable";
    case Errc::io:
      return "io";
    case Errc::type_mismatch:
      return "type_mismatch";
    case Errc::conflict:
      return "conflict";
    case Errc::refused:
      return "refused";
  }
  return "unknown";  // a number from a newer host
}

std::string Error::to_string() const {
  std::string text;
  for (auto operation = context_.rbegin(); operation != context_.rend(); ++operation) {
    text += *operation;
    text += ": ";
  }
  text += message_;
  if (!hint_.empty()) {
    text += ": ";
    text += hint_;
  }
  return text;
}

}  // namespace weft
