// SPDX-License-Identifier: Apache-2.0
// HTTP between hosts, through every part: RemoteHttp, Endpoint, Ingress, ServedHttp; and with peers that send values by
// hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "web/client_fixture.hpp"
#include "wrpc/http_values.hpp"
#include "wrpc/lattice_fixture.hpp"

namespace weft::wrpc::testing_support {

using web::HttpFault;
using web::test::Outcome;
using web::test::Request;
using web::test::TestExchange;

/// What a request looked like to whoever answered it.
struct SeenRequest {
  std::string line;  ///< "GET http://host/path"
  std::string headers;
  std::string body;
  std::string trailers;
  std::string source;
  bool sends_out = false;
};

/// Reads the whole request, then does what `answer` says; counts those who were left.
class FakeHandler final : public web::Handler {
 public:
  using Act = std::function<void(web::Exchange& exchange, const std::string& body)>;
  enum class When : std::uint8_t { at_once, after_the_body };

  explicit FakeHandler(Act act, When when = When::after_the_body) : act_(std::move(act)), when_(when) {}

  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    return std::make_unique<Responding>(*this, exchange);
  }

  Collected<SeenRequest> seen;
  std::atomic<int> left{0};
  std::atomic<int> alive{0};
  bool ends_well = true;              ///< after the pieces
  std::vector<std::string> pieces;    ///< of the response, each sent when there is room
  std::atomic<std::size_t> given{0};  ///< of those
  std::atomic<bool> stops{false};     ///< before the next piece of the request
  std::atomic<web::Exchange*> stopped{nullptr};

 private:
  class Responding final : public web::Responder {
   public:
    Responding(FakeHandler& owner, web::Exchange& exchange) : owner_(owner), exchange_(exchange) { ++owner_.alive; }
    ~Responding() override { --owner_.alive; }
    Responding(const Responding&) = delete;
    Responding& operator=(const Responding&) = delete;
    void start() override {
      const auto& head = exchange_.request();
      seen_.line = std::string(head.method) + " " + std::string(head.scheme) + "://" + std::string(head.authority) +
                   std::string(head.path_and_query);
      for (const auto& [name, value] : head.headers)
        seen_.headers += std::string(name) + ":" + std::string(value) + " ";
      seen_.source = exchange_.caller().source;
      seen_.sends_out = exchange_.caller().sends_out;
      if (owner_.when_ == When::at_once) {
        owner_.act_(exchange_, {});
        return;
      }
      if (head.has_body) {
        exchange_.read_body();
      } else {
        answer();
      }
    }
    void on_body(std::span<const std::byte> piece) override {
      EXPECT_FALSE(piece.empty());
      seen_.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      if (owner_.stops) {
        owner_.stopped = &exchange_;
      } else {
        exchange_.read_body();
      }
    }
    void on_body_end(std::span<const web::HeaderView> trailers) override {
      for (const auto& [name, value] : trailers) seen_.trailers += std::string(name) + ":" + std::string(value) + " ";
      answer();
    }
    void on_writable() override {
      if (next_ < owner_.pieces.size()) {
        ++owner_.given;
        exchange_.send_body(std::as_bytes(std::span(owner_.pieces[next_++])));
      } else if (!owner_.ends_well) {
        exchange_.fail(500, "the guest trapped");
      } else {
        const std::vector<web::Header> trailers{{"x-end", "1"}};
        exchange_.finish(trailers);
      }
    }
    void on_disconnect() override { ++owner_.left; }

   private:
    void answer() {
      owner_.seen.add(seen_);
      owner_.act_(exchange_, seen_.body);
    }
    FakeHandler& owner_;
    web::Exchange& exchange_;
    SeenRequest seen_;
    std::size_t next_ = 0;
  };

  Act act_;
  When when_;
};

inline FakeHandler::Act respond(unsigned status, std::string text) {
  return [status, text = std::move(text)](web::Exchange& exchange, const std::string&) {
    const std::vector<web::Header> headers{{"x-a", "1"}, {"x-a", "2"}};
    exchange.respond(status, headers, text);
  };
}
/// Sends the head; the pieces follow as there is room.
inline void stream(web::Exchange& exchange, const std::string&) {
  EXPECT_TRUE(exchange.send_head({.status = 200, .headers = {{"x-a", "1"}}}));
  exchange.send_body(std::as_bytes(std::span(std::string_view("first "))));
}
inline void do_nothing(web::Exchange&, const std::string&) {}

class HttpLatticeTest : public LatticeTest {
 protected:
  void TearDown() override {
    for (auto& exchange : begun_) {
      on_shard(here_->shard(), [&exchange] { exchange->leave(); });
    }
    begun_.clear();
    LatticeTest::TearDown();
  }
  /// `target_` answers HTTP so, on the other host.
  FakeHandler& serve_http(FakeHandler::Act act, FakeHandler::When when = FakeHandler::When::after_the_body) {
    handlers_.push_back(std::make_unique<FakeHandler>(std::move(act), when));
    target_ = std::make_shared<FakeTarget>("x", FakeTarget::Answer::at_once);
    target_->handler = handlers_.back().get();
    there_->serve(target_);
    return *handlers_.back();
  }
  std::shared_ptr<TestExchange> begin(Request request) {
    auto exchange = std::make_shared<TestExchange>(here_->shard(), std::move(request));
    on_shard(here_->shard(), [&] { exchange->start(*remote().http()); });
    begun_.push_back(exchange);
    return exchange;
  }
  static Outcome wait(TestExchange& exchange) {
    auto outcome = exchange.outcome();
    if (outcome.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no outcome";
      return {};
    }
    auto got = outcome.get();
    EXPECT_EQ(got.ends, 1);
    return got;
  }
  Outcome ask(Request request) { return wait(*begin(std::move(request))); }

  dispatch::Target& remote() {
    if (!remote_) remote_ = std::make_unique<RemoteTarget>(here_->endpoint, "x");
    return *remote_;
  }
  /// A peer serves "x" by hand.
  void serve_by_hand(std::function<void(const std::string& inbox)> act) {
    listen("test.x.wrpc.>", [act = std::move(act)](const bus::Message& message) { act(message.reply); });
  }
  /// The result of a request that a peer sends by hand, once it has ended its parameters.
  std::string send_by_hand(const std::string& params) {
    const auto index = next_++;
    say("test.x.wrpc.0.0.1.wrpc:http/incoming-handler@0.1.0.handle", params, "raw." + std::to_string(index));
    by_hand_ = accepted(index);
    say(by_hand_ + ".params");
    return "raw." + std::to_string(index) + ".results";
  }
  static std::string request_value(const std::string& method, const std::string& path, const std::string& authority,
                                   std::vector<web::HeaderView> headers = {}) {
    web::RequestHead head;
    head.method = method;
    head.scheme = "http";
    head.authority = authority;
    head.path_and_query = path;
    head.headers = std::move(headers);
    return encode_request(head, false);
  }
  static std::string fault_of(const std::string& results) {
    auto decoded = decode_response(bytes_of(results));
    if (!decoded) return "(nothing)";
    const auto* const fault = std::get_if<HttpFaultValue>(&*decoded);
    return fault == nullptr ? "(a response)" : std::string(web::to_string(fault->fault));
  }

  std::vector<std::unique_ptr<FakeHandler>> handlers_;
  std::shared_ptr<FakeTarget> target_;
  std::unique_ptr<RemoteTarget> remote_;
  std::vector<std::shared_ptr<TestExchange>> begun_;
  std::size_t next_ = 0;
  std::string by_hand_;
};

}  // namespace weft::wrpc::testing_support
