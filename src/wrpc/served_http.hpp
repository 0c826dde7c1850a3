// SPDX-License-Identifier: Apache-2.0
/// A request of wrpc:http from the lattice as an Exchange, for whoever of this host answers HTTP.
///
/// The answer is kept back until the end of the turn: one that is whole by then leaves in one message to a weft caller.
/// A body that breaks off is ended in the middle of a chunk, which every reader takes for an error.
/// Ownership, threads: see ServedCall. Source: data-plane facts 3.3; live-host facts A1, A2.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "web/exchange.hpp"
#include "wrpc/body_inbox.hpp"
#include "wrpc/http_values.hpp"
#include "wrpc/served_call.hpp"
#include "wrpc/window.hpp"

namespace weft::wrpc {

class ServedHttp final : public ServedCall, private web::Exchange {
 public:
  enum class Side : std::uint8_t { incoming, outgoing };  ///< the handler interface that is called
  ServedHttp(ShardEndpoint& endpoint, ServedCalls& owner, std::shared_ptr<dispatch::Target> target, Side side,
             bus::Message message);
  ~ServedHttp() override;

 private:
  /// Shared with work posted to the shard, which may find the exchange gone.
  struct Turn {
    ServedHttp* self;
  };

  // ServedCall
  void on_params(std::string params) override;
  void on_channel(std::string_view path, std::string_view piece) override;
  void on_taken(const Taken& taken) override;
  void on_gone(Error error) override;
  void on_begun() override;
  void fail(const Error& error) override;
  // web::Exchange
  [[nodiscard]] const web::RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return endpoint().shard(); }
  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] web::HttpCaller caller() const noexcept override;
  void read_body() override;
  bool send_head(web::ResponseHead head) override;
  void send_body(std::span<const std::byte> piece) override;
  void finish(std::span<const web::Header> trailers) override;
  void respond(unsigned status, std::span<const web::Header> headers, std::string_view body) override;
  void fail(unsigned status, std::string_view reason) override;
  void fault(web::HttpFault fault, std::string_view reason) override;

  void show(HttpRequestValue request);
  void schedule();
  void take_turn();
  void deliver_body();
  void flush();
  bool send_kept();
  void set_deadline();
  void close_exchange();

  Side side_;
  std::string id_;
  HttpRequestValue value_;
  web::RequestHead head_;
  BodyInbox body_;
  std::unique_ptr<web::Responder> responder_;
  std::optional<web::ResponseHead> response_;  ///< kept back
  std::string out_;                            ///< of its body, kept back
  SendWindow window_;                          ///< for it
  Headers trailers_;
  bool finished_ = false;  ///< the responder has given everything
  bool head_sent_ = false;
  bool answered_ = false;        ///< nothing is sent any more
  bool wants_body_ = false;      ///< the responder waits for a piece
  bool wants_writable_ = false;  ///< the responder waits for room
  bool posted_ = false;
  std::shared_ptr<Turn> turn_;
};

}  // namespace weft::wrpc
