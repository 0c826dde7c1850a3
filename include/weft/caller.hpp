// SPDX-License-Identifier: Apache-2.0
/// How a provider calls the components that it is linked to: what delivers messages or tells of changes. Only links of
/// which the provider is the source lead anywhere; which component a call reaches follows from the link's name and
/// interface.
///
///   call_linked<std::expected<void, std::string>>(
///       *context.caller, {.link_name = link.name, .link_interface = "wasmcloud:messaging/handler",
///                         .interface = "wasmcloud:messaging/handler@0.2.0", .function = "handle-message"},
///       [](Result<std::expected<void, std::string>> outcome) {...}, message);
///
/// Ownership: shared by the host and the provider; it may be kept after stop(), and then refuses. Threads: any; `done`
/// is called exactly once, on a thread of the host, and must neither block nor throw. It may be called before call()
/// has returned. Errors that `done` is given: not_found (no such link), unavailable (the component does not run, or the
/// provider is being stopped), deadline_exceeded, trap (the component's own), cancelled, malformed (its results are not
/// what the interface says).
#pragma once

#include <weft/result.hpp>
#include <weft/value.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// One call of a function of a linked component.
struct LinkedCall {
  std::string link_name = "default";
  std::string link_interface;  ///< as the link names it, without version: "wasmcloud:messaging/handler"
  std::string interface;       ///< as on the wire: "wasmcloud:messaging/handler@0.2.0"
  std::string function;        ///< "handle-message"
  std::chrono::milliseconds timeout{60'000};
  std::string trace_parent = {};  ///< W3C traceparent and tracestate; empty: none
  std::string trace_state = {};
};

class Caller {
 public:
  using Done = std::move_only_function<void(Result<std::vector<std::byte>> results)>;

  Caller() = default;
  virtual ~Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// `params` are the encoded parameters, one after the other.
  virtual void call(LinkedCall call, std::vector<std::byte> params, Done done) = 0;
};

/// The same with C++ values: `done` is given the decoded results.
template <class T, class DoneWithValue, class... A>
void call_linked(Caller& caller, LinkedCall call, DoneWithValue done, const A&... params) {
  ValueWriter writer;
  (write_value(writer, params), ...);
  if (!writer.ok()) {
    done(Result<T>(writer.error().in("encode the parameters")));
    return;
  }
  caller.call(std::move(call), writer.to_vector(),
              [done = std::move(done)](Result<std::vector<std::byte>> results) mutable {
                if (!results) {
                  done(Result<T>(std::move(results).error()));
                } else if constexpr (std::is_void_v<T>) {
                  done(Result<void>());
                } else {
                  done(decode<T>(*results));
                }
              });
}

}  // namespace weft
