// SPDX-License-Identifier: Apache-2.0
#include "async/task_root.hpp"

#include <atomic>
#include <new>
#include <string>

#include "async/fence_count.hpp"

namespace weft::async {
namespace {

constinit std::atomic<std::uint64_t> exceptions{0};

}  // namespace

void count_exception() noexcept { exceptions.fetch_add(1, std::memory_order_relaxed); }
std::uint64_t exceptions_at_fences() noexcept { return exceptions.load(std::memory_order_relaxed); }

Error to_error(const std::exception_ptr& exception) {
  count_exception();
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
