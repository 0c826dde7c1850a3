// SPDX-License-Identifier: Apache-2.0
/// A component or provider that runs elsewhere in the lattice, as a target like any other: calls go over NATS to its
/// queue group, and any of its members answers. It is there also when nothing of that id runs: a call then fails at
/// once, because nobody listens.
///
/// Ownership: shared by the routing snapshots; borrows the Endpoint. Threads: calls on their shard. Errors of a call:
/// unavailable (nobody serves it, or the connection is lost), deadline_exceeded (nobody has taken it in time, or it did
/// not end in time), malformed (the peer breaks the protocol), those of the peer if that is a weft host, and
/// `refused` when another peer ends the call without results, which is all that it can say about a failure.
/// Source: data-plane facts 1, 3.7.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/target.hpp"
#include "wrpc/call_headers.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/remote_http.hpp"

namespace weft::wrpc {

class RemoteTarget final : public dispatch::Target {
 public:
  RemoteTarget(Endpoint& endpoint, std::string id);
  ~RemoteTarget() override;
  RemoteTarget(const RemoteTarget&) = delete;
  RemoteTarget& operator=(const RemoteTarget&) = delete;

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override;
  [[nodiscard]] web::Handler* http() noexcept override { return &http_; }

 private:
  Endpoint& endpoint_;
  std::string id_;
  RemoteHttp http_;
};

/// The headers of a call, as the context of it says; `call` is what weft adds.
std::vector<bus::MessageHeader> call_headers(const dispatch::CallContext& context, const WeftCall& call);
/// What is left of the caller's time; nothing if it is not limited.
std::optional<std::chrono::milliseconds> time_left(ShardEndpoint::Clock::time_point deadline);
/// The way around members that are silent; nothing if none is.
std::optional<Detour> detour(const ShardEndpoint& endpoint, std::string_view target, std::string_view interface,
                             std::string_view function);
/// How long a call that nobody has accepted waits when a member is lost that may have it: one that is silent may come
/// back, one that is gone will not.
std::chrono::milliseconds time_after(Receiver::Loss loss) noexcept;
/// How long what `call` has sent may stay without an answer.
std::chrono::milliseconds time_to_accept(const ShardEndpoint& endpoint, const OutgoingCall& call);
/// What a caller is told whose call has failed on the way to `id`.
Error describe_failure(Error error, Delivery delivery, const std::string& id, const std::string& subject);
/// The error of a call that nobody has accepted, or that has not ended, at its deadline.
Error timed_out(const std::string& id, const std::string& subject, Delivery delivery);

}  // namespace weft::wrpc
