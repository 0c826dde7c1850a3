// SPDX-License-Identifier: Apache-2.0
#include "async/task_root.hpp"

#include <new>
#include <string>

namespace weft::async {

Error to_error(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return {Errc::resource_exhausted, "out of memory"};
  } catch (const std::exception& error) {
    return {Errc::internal, std::string("an exception reached the root of a task: ") + error.what()};
  } catch (...) {
    return {Errc::internal, "an unknown exception reached the root of a task"};
  }
}

}  // namespace weft::async
