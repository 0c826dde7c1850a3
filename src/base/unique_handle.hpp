// SPDX-License-Identifier: Apache-2.0
/// Owns one handle of a C library: move-only, freed by the library's own function.
/// `adopt()` takes a handle, `get()` lends it, `release()` gives it away. Null is the empty handle.
/// Threads: a plain value; whether the handle itself may change threads is the library's matter.
#pragma once

#include <utility>

namespace weft::base {

template <class T, auto kDelete>
class UniqueHandle {
 public:
  UniqueHandle() noexcept = default;
  [[nodiscard]] static UniqueHandle adopt(T* handle) noexcept {
    UniqueHandle owner;
    owner.handle_ = handle;
    return owner;
  }
  ~UniqueHandle() { reset(); }
  UniqueHandle(const UniqueHandle&) = delete;
  UniqueHandle& operator=(const UniqueHandle&) = delete;
  UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = other.release();
    }
    return *this;
  }

  [[nodiscard]] T* get() const noexcept { return handle_; }
  [[nodiscard]] T* release() noexcept { return std::exchange(handle_, nullptr); }
  explicit operator bool() const noexcept { return handle_ != nullptr; }
  void reset() noexcept {
    if (handle_ != nullptr) {
      kDelete(release());
    }
  }

 private:
  T* handle_ = nullptr;
};

}  // namespace weft::base
