// SPDX-License-Identifier: Apache-2.0
/// HTTP requests to a component or provider that runs elsewhere: each Exchange becomes a call of wrpc:http, its bodies
/// streamed both ways at the pace of whoever takes them; between two weft hosts also of whoever is behind the wire.
///
/// What an Exchange is told: the response; a fault of wasi:http as that; 503 if nobody serves it, 504 if it was late,
/// 500 if it failed without saying how. A response that breaks off after its head is left visibly incomplete.
/// Ownership: part of a RemoteTarget. Threads: each exchange on its shard.
/// Source: data-plane facts 3.3; live-host facts A2.
#pragma once

#include <memory>
#include <string>

#include "web/exchange.hpp"
#include "wrpc/endpoint.hpp"

namespace weft::wrpc {

class RemoteHttp final : public web::Handler {
 public:
  RemoteHttp(Endpoint& endpoint, const std::string& target) : endpoint_(endpoint), target_(target) {}

  [[nodiscard]] std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

 private:
  Endpoint& endpoint_;
  const std::string& target_;
};

}  // namespace weft::wrpc
