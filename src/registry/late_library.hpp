// SPDX-License-Identifier: Apache-2.0
/// A shared library that is loaded when something first needs it, instead of with every start of weft: libcurl and
/// libarchive bring nearly forty others along (Kerberos, LDAP, GnuTLS, ICU), a fifth of what an idle host would keep
/// resident, for what most hosts do seldom or never. Declarations are those of the library's own headers.
///
/// Ownership: a library stays loaded for as long as the process. Threads: any. Errors: unavailable, with the package to
/// install.
#pragma once

#include <string>
#include <weft/result.hpp>

#include "base/assert.hpp"

namespace weft::registry {

class LateLibrary {
 public:
  /// `file`: by the name that the dynamic loader looks for, which stands for the binary interface that the headers
  /// describe. `package`: Debian's name for it.
  static Result<LateLibrary> load(std::string file, std::string package);

  /// Points `function` at what the library has under that name.
  template <class Function>
  Result<void> find(const char* name, Function*& function) const {
    WEFT_TRY(void* const address, address_of(name));
    function = reinterpret_cast<Function*>(address);  // what dlsym() is for
    return {};
  }

 private:
  LateLibrary(void* handle, std::string file, std::string package)
      : handle_(handle), file_(std::move(file)), package_(std::move(package)) {}
  [[nodiscard]] Result<void*> address_of(const char* name) const;

  void* handle_;
  std::string file_, package_;
};

/// The base of a struct of functions that `Functions::find_all()` finds in a library, once for the process.
template <class Functions>
struct LateFunctions {
  /// The first call loads it; what that failed of is what every later one says. Errors: unavailable.
  static Result<const Functions*> load() {
    const auto& all = found();
    if (!all) return all.error();
    return &*all;
  }
  /// After a load() that succeeded.
  static const Functions& loaded() {
    WEFT_ASSERT(found().has_value());
    return *found();
  }

 private:
  friend Functions;
  LateFunctions() = default;

  static const Result<Functions>& found() {
    static const Result<Functions> all = Functions::find_all();
    return all;
  }
};

}  // namespace weft::registry
