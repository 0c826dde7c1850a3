// SPDX-License-Identifier: Apache-2.0
/// One request of a client and its answer: what it sends is read from the Exchange as the server takes it, what it
/// receives is given to the Exchange as that takes it.
///
/// It is a small machine: an event of the connection or of the Exchange moves it as far as it goes. An answer that is
/// complete before the request is ends the exchange, and the connection with it.
/// Ownership: a Responder, owned by whoever owns the Exchange; shares its ClientShard, because it may die after the
/// client was closed. Threads: its shard.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "web/client_connection.hpp"
#include "web/client_shard.hpp"
#include "web/exchange.hpp"
#include "web/request_writer.hpp"
#include "web/response_parser.hpp"

namespace weft::web {

class ClientExchange final : public Responder, private ConnectionOwner, public ExchangeHook {
 public:
  ClientExchange(std::shared_ptr<ClientShard> shard, Exchange& exchange);
  ~ClientExchange() override;
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;

  void start() override;
  void on_body(std::span<const std::byte> piece) override;
  void on_body_end(std::span<const HeaderView> trailers) override;
  void on_writable() override;
  void on_disconnect() override { release(Reuse::no); }

  /// The client closes.
  void cancel();

 private:
  enum class Reuse : std::uint8_t { no, yes };
  /// What the deadline is for.
  enum class Wait : std::uint8_t { none, connect, first_byte, between_bytes };

  void on_open() override;
  void on_open_failed(HttpFault fault, std::string_view reason) override { fail(fault, reason); }
  void on_read(ReadEnd end, std::size_t bytes) override;
  void on_written(bool sent) override;
  void on_deadline() override;

  void acquire();
  void connect();
  void begin();
  void flush();
  void want_body();
  void read_more();
  void pump();
  void server_closed(ReadEnd end);
  [[nodiscard]] bool try_again();
  void give_head();
  void complete();
  void fail(HttpFault fault, std::string_view reason);
  void release(Reuse reuse);
  void arm(Wait wait);

  std::shared_ptr<ClientShard> shard_;
  Exchange& exchange_;
  std::string key_;
  ClientShard::ConnectionPtr connection_;
  ResponseParser parser_;
  RequestPlan plan_;
  std::uint64_t body_bytes_ = 0;  ///< of the request, as far as they were read
  std::string out_;               ///< to be written
  std::string replay_;            ///< all that was written, while it may have to be written again
  Wait waits_for_ = Wait::none;
  bool reused_ = false;      ///< the connection was a kept one
  bool replayable_ = false;  ///< replay_ holds everything
  bool begun_ = false;       ///< something of the answer has come
  bool asked_for_body_ = false, request_done_ = false, broken_pipe_ = false;
  bool writing_ = false, reading_ = false, server_waits_ = false;
  bool over_ = false;
};

}  // namespace weft::web
