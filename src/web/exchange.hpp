// SPDX-License-Identifier: Apache-2.0
/// The border between an HTTP session (the protocol: HTTP/1.1 now, HTTP/2 and TLS later) and whoever answers requests
/// (a component, a built-in, a test). One Exchange is one request and its response; both bodies are streams that move
/// only when the other side asks, so a body of any length needs constant memory.
///
/// Ownership: the session owns its Exchange; `Responder` is made by the Handler for each request and owned by the
/// session, which destroys it when the exchange is over (answered, aborted, or the client left). A Responder keeps only
/// a reference to its Exchange and must not touch it after its own destructor began. Threads: everything here on the
/// connection's shard. Callbacks per request instead of coroutines, because this is the hot path. Re-entrancy: the
/// session never calls a Responder from inside one of that Responder's own calls into Exchange, except as documented.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/shard.hpp"
#include "web/http_fault.hpp"

namespace weft::web {

/// Name and value as received; names are lower case. Views into the session's buffers, valid while the exchange lives.
struct HeaderView {
  std::string_view name;
  std::string_view value;
};

struct Header {
  std::string name;
  std::string value;
};

/// How long whoever sends a request on may wait; what is not set is up to them.
struct RequestTimeouts {
  std::optional<std::chrono::nanoseconds> connect{};
  std::optional<std::chrono::nanoseconds> first_byte{};     ///< of the response, after the request was sent
  std::optional<std::chrono::nanoseconds> between_bytes{};  ///< of the response's body
};

struct RequestHead {
  std::string_view method;          ///< as sent: "GET"
  std::string_view scheme;          ///< "http" or "https"
  std::string_view authority;       ///< the Host header or the absolute target's authority
  std::string_view path_and_query;  ///< origin form; "*" for OPTIONS *
  std::vector<HeaderView> headers;  ///< in order, without hop-by-hop headers
  std::optional<std::uint64_t> content_length;
  bool has_body = false;            ///< a body (perhaps empty, if chunked) follows
  std::string_view remote_address;  ///< "127.0.0.1:40112"
  RequestTimeouts timeouts;         ///< only of requests that a guest sends
  std::uint32_t depth = 0;          ///< calls that a guest's request is nested in
};

struct ResponseHead {
  unsigned status = 200;  ///< 200..599 (1xx is refused)
  std::vector<Header> headers;
};

/// Which member of the lattice asks, and as what. The views are good until Responder::start() has returned.
struct HttpCaller {
  std::string_view source = {};     ///< a component's or provider's id; empty: nobody's of the lattice
  std::string_view link_name = {};  ///< the link that it asks over
  bool sends_out = false;  ///< asks as a client of the world (wasi:http/outgoing-handler), not as a server in front
};

/// The session's side of one request. All calls on the shard.
class Exchange {
 public:
  virtual ~Exchange() = default;

  [[nodiscard]] virtual const RequestHead& request() const noexcept = 0;
  [[nodiscard]] virtual async::Shard& shard() noexcept = 0;
  /// The id that error bodies and the log carry for this request.
  [[nodiscard]] virtual std::string id() const = 0;
  [[nodiscard]] virtual HttpCaller caller() const noexcept { return {}; }

  /// Asks for the next piece of the request body: exactly one of Responder::on_body, on_body_end or on_disconnect
  /// follows, never from inside this call. At most one request outstanding. Sends "100 Continue" first where the client
  /// waits for it.
  virtual void read_body() = 0;

  /// Sends the response head (kept back and written together with what follows in the same turn of the loop). Once.
  /// Headers that frame the message (Connection, Transfer-Encoding, Keep-Alive, Upgrade) are the session's own and are
  /// dropped; a Content-Length is checked against what is then sent: too much or too little ends in a visibly
  /// incomplete message. Returns false if a name or value is not valid in HTTP or the status is out of range; nothing
  /// was sent then.
  virtual bool send_head(ResponseHead head) = 0;
  /// Sends a piece of the body; copies it. Responder::on_writable follows when more may be sent (never from inside this
  /// call). At most one outstanding.
  virtual void send_body(std::span<const std::byte> piece) = 0;
  /// Ends the message. Trailers go only to clients that can take them (chunked).
  virtual void finish(std::span<const Header> trailers) = 0;
  void finish() { finish({}); }
  /// A whole response in one go: head, body, end.
  virtual void respond(unsigned status, std::span<const Header> headers, std::string_view body) = 0;
  /// The guest failed. While nothing of the head has left: answers `status` with a body that carries id(), in place of
  /// what was sent so far. After that: closes so that the message is visibly incomplete.
  virtual void fail(unsigned status, std::string_view reason) = 0;
  /// The same for one that could not be passed on, told in the words of wasi:http. A guest that has sent the request
  /// gets the fault itself.
  virtual void fault(HttpFault fault, std::string_view reason) { fail(to_status(fault), reason); }
};

/// The answering side of one request.
class Responder {
 public:
  virtual ~Responder() = default;
  /// Called once, right after construction, with the exchange ready.
  virtual void start() = 0;
  virtual void on_body(std::span<const std::byte> piece) = 0;
  virtual void on_body_end(std::span<const HeaderView> trailers) = 0;
  virtual void on_writable() = 0;
  /// The client left or timed out; the Responder is destroyed right after. Nothing can be sent any more.
  virtual void on_disconnect() = 0;
};

/// One that answers without looking at the request's body: it only starts.
class BodilessResponder : public Responder {
 public:
  void on_body(std::span<const std::byte> /*piece*/) final {}
  void on_body_end(std::span<const HeaderView> /*trailers*/) final {}
  void on_writable() final {}
  void on_disconnect() final {}
};

/// Makes a Responder for each request. One Handler serves all shards, so on_request must be safe to call from each
/// shard at once.
class Handler {
 public:
  virtual ~Handler() = default;
  [[nodiscard]] virtual std::unique_ptr<Responder> on_request(Exchange& exchange) = 0;
};

}  // namespace weft::web
