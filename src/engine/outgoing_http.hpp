// SPDX-License-Identifier: Apache-2.0
/// One HTTP request that a guest sends (wasi:http/outgoing-handler), as its host answers it: the request's body is
/// pulled, the response is given piece by piece.
///
/// Ownership: made by a Call for CallEvents::on_http, which owns it from then on; it may outlive the Call and then does
/// nothing. Destroyed before the response was ended it fails the request: as denied if nothing of the response was
/// given, else the body breaks off. OutgoingEvents is borrowed. Threads: the Call's shard. Errors: what the guest does
/// wrong shows as BodyState::failed; what we do wrong in HTTP as false from send_head().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/call.hpp"

namespace weft::engine {

/// Told from inside a poll of the Call, which must not be destroyed then; the OutgoingHttp may.
class OutgoingEvents {
 public:
  /// The guest waits for response body: one piece may be pushed.
  virtual void on_wants_body() = 0;
  /// After next_body() was pending: look again.
  virtual void on_body_ready() = 0;
  /// The guest has lost interest, or has ended. Nothing can be given any more.
  virtual void on_cancelled() = 0;

 protected:
  ~OutgoingEvents() = default;
};

struct OutgoingHead {
  std::string method, scheme, authority, path_and_query;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case; the first is host
  std::chrono::nanoseconds connect_timeout{0}, first_byte_timeout{0}, between_bytes_timeout{0};
  bool has_body = false;
};

class OutgoingHttp {
 public:
  ~OutgoingHttp();
  OutgoingHttp(const OutgoingHttp&) = delete;
  OutgoingHttp& operator=(const OutgoingHttp&) = delete;

  [[nodiscard]] const OutgoingHead& head() const noexcept { return head_; }
  /// For whoever sends it on; the guest does not see it.
  void add_header(std::string_view name, std::string_view value) { head_.headers.emplace_back(name, value); }
  void listen(OutgoingEvents& events) noexcept { events_ = &events; }

  /// The next piece of the request's body; its views are valid until the next look.
  BodyPiece next_body();

  /// Once. False: a status or header that is not valid in HTTP; nothing was given then.
  bool send_head(std::uint16_t status, std::span<const HeaderRef> headers);
  void push_body(std::span<const std::byte> piece);
  void end_body(std::span<const HeaderRef> trailers);
  /// `error` is the index of a case of wasi:http's error-code. Before the head the request fails, after it the body.
  void fail(std::uint32_t error, std::string_view text);

 private:
  friend class Call;
  /// Null if the guest has lost interest already.
  static std::unique_ptr<OutgoingHttp> take(Call& call, std::uint64_t token);
  OutgoingHttp(Call& call, std::uint64_t token) : call_(&call), token_(token) {}

  void close() noexcept;

  Call* call_;  ///< null once the exchange is over
  std::uint64_t token_;
  OutgoingEvents* events_ = nullptr;
  OutgoingHead head_;
  bool head_given_ = false;
  bool body_pending_ = false;
};

}  // namespace weft::engine
