// SPDX-License-Identifier: Apache-2.0
// A guest that forwards requests (apps/proxy), with whoever answers them in this process: a test's handler, another
// component, the HTTP client.
#include "guest/outgoing_exchange.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "async/shard_call.hpp"
#include "base/eventually.hpp"
#include "dispatch/dispatcher.hpp"
#include "guest/http_guest.hpp"
#include "web/client.hpp"
#include "web/http1_fixture.hpp"

namespace weft::guest {
namespace {

using web::test::Client;
using web::test::Events;
using web::test::kPatience;
using namespace std::chrono_literals;

/// Says how it failed.
class FaultHandler final : public web::Handler {
 public:
  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    class Fault final : public web::BodilessResponder {
     public:
      explicit Fault(web::Exchange& exchange) : exchange_(exchange) {}
      void start() override {
        const auto path = exchange_.request().path_and_query;
        exchange_.fault(static_cast<web::HttpFault>(std::stoi(std::string(path.substr(1)))), "on request");
      }

     private:
      web::Exchange& exchange_;
    };
    return std::make_unique<Fault>(exchange);
  }
};

/// A target that answers HTTP alone.
class HandlerTarget final : public dispatch::Target {
 public:
  explicit HandlerTarget(web::Handler* handler) : handler_(handler) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& /*shard*/,
                                                              const dispatch::Invocation& /*invocation*/,
                                                              dispatch::CallHandler& handler) override {
    handler.on_error(Error(Errc::unsupported, "answers HTTP alone"));
    return nullptr;
  }
  [[nodiscard]] web::Handler* http() noexcept override { return handler_; }

 private:
  std::string id_ = "answerer";
  web::Handler* handler_;
};

class OutgoingExchangeTest : public testing::Test {
 protected:
  void SetUp() override {
    control_.start();
    auto made = engine::Engine::create({.max_instances = 16, .max_memory_bytes = 0, .cache_dir = ""});
    ASSERT_TRUE(made) << made.error().to_string();
    engine_.emplace(*std::move(made));
  }

  void TearDown() override {
    if (server_) server_->close(0ms);
    for (const auto& guests : {proxy_.get(), other_.get()}) {
      if (guests != nullptr) guests->close();
    }
    client_.reset();
    control_.stop();
    events_.change([](Events& all) { EXPECT_EQ(all.alive, 0); });
    EXPECT_EQ(shards_.at(0).failures() + shards_.at(1).failures(), 0U);
  }

  /// With `linked` the guest's requests follow its links, else they are denied.
  std::unique_ptr<HttpGuests> load(const std::string& app, bool linked) {
    std::ifstream file(std::string(std::getenv("WEFT_APPS_DIR")) + "/" + app + ".wasm", std::ios::binary);
    const std::string wasm{std::istreambuf_iterator<char>(file), {}};
    auto module = engine_->load(wasm);
    EXPECT_TRUE(module) << app << ": " << module.error().to_string() << " (run scripts/build_apps)";
    auto deployment = engine_->prepare(*module, app, {}, {});
    EXPECT_TRUE(deployment) << deployment.error().to_string();
    ComponentConfig config;
    config.id = app;
    if (linked) {
      plan_.emplace(*deployment, app, dispatcher_, ProvidedInterfaces{});
    }
    return std::make_unique<HttpGuests>(shards_,
                                        std::make_shared<LoadedComponent>(std::move(config), ComponentInfo{},
                                                                          *std::move(module), *std::move(deployment)),
                                        log_, std::make_shared<Permits>(shards_, 0, 1024), linked ? &*plan_ : nullptr);
  }

  /// Serves the proxy, with `handler` for all that it asks for.
  void serve(web::Handler* handler) {
    proxy_ = load("proxy", handler != nullptr);
    table_.set_routes("proxy", {{.link_name = "default",
                                 .interface = "wasi:http/outgoing-handler",
                                 .target_id = "answerer",
                                 .target = nullptr}});
    table_.set_target("answerer", std::make_shared<HandlerTarget>(handler));
    ASSERT_TRUE(async::run_on_shard_and_wait(control_, dispatcher_.publish(table_.snapshot())));
    listen(*proxy_, server_, port_);
  }
  void listen(web::Handler& handler, std::unique_ptr<web::Server>& server, std::uint16_t& port) {
    auto made = web::Server::create(shards_, handler, {.address = "127.0.0.1:0", .limits = {}, .access_log = {}});
    ASSERT_TRUE(made) << made.error().message();
    server = *std::move(made);
    const auto address = server->address();
    port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  std::string talk(const std::string& bytes) const {
    Client client(port_);
    client.send(bytes);
    return client.receive_all();
  }
  std::string get(const std::string& target) const {
    return talk("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }
  /// Comes in chunks if the guest's turn ended before its body was whole.
  static std::string body_of(const std::string& answer) {
    const auto head = answer.find("\r\n\r\n") + 4;
    if (!answer.substr(0, head).contains("transfer-encoding: chunked")) return answer.substr(head);
    std::string body;
    for (auto at = head; at < answer.size();) {
      const auto size = std::strtoul(answer.c_str() + at, nullptr, 16);
      if (size == 0) break;
      at = answer.find("\r\n", at) + 2;
      body += answer.substr(at, size);
      at += size + 2;
    }
    return body;
  }

  async::ShardPool shards_{2};
  async::Shard control_{100};
  dispatch::Dispatcher dispatcher_{shards_};
  dispatch::RoutingTable table_{2};
  std::optional<ImportPlan> plan_;
  LogSink log_;
  Events events_;
  web::test::TestHandler handler_{events_};
  std::optional<engine::Engine> engine_;
  std::unique_ptr<web::ClientHandler> client_;
  std::unique_ptr<HttpGuests> other_, proxy_;
  std::unique_ptr<web::Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(OutgoingExchangeTest, without_a_route_a_request_is_denied) {
  serve(nullptr);
  EXPECT_EQ(body_of(get("/?url=http://nowhere/")), "error 15\n");
}

TEST_F(OutgoingExchangeTest, a_handler_sees_what_the_guest_sends) {
  serve(&handler_);
  const auto answer =
      talk("GET /?url=http://shop.test:8080/seen HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_EQ(body_of(answer), "shop.test:8080|host=shop.test:8080|x-kept=1");
  EXPECT_EQ(body_of(get("/?url=http://shop.test/hello")), "hello");
  EXPECT_TRUE(get("/?url=http://shop.test/204").starts_with("HTTP/1.1 204 "));
  EXPECT_NE(get("/?url=http://shop.test/trailers").find("x-sum: 42"), std::string::npos);
}

TEST_F(OutgoingExchangeTest, the_trace_goes_on_unless_the_guest_has_its_own) {
  serve(&handler_);
  const auto seen = [this](const std::string& query) {
    return body_of(talk("GET /?" + query + "url=http://shop.test/seen HTTP/1.1\r\nHost: a\r\n" +
                        "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n" +
                        "Tracestate: a=1\r\nTracestate: b=2\r\nConnection: close\r\n\r\n"));
  };
  EXPECT_EQ(seen("bare&"),
            "shop.test|host=shop.test|traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01|"
            "tracestate=a=1,b=2");
  // Sends on the headers that it was sent: they are its own now.
  const auto own = seen("");
  EXPECT_EQ(own.find("traceparent="), own.rfind("traceparent=")) << own;
  EXPECT_NE(own.find("|tracestate=a=1|"), std::string::npos) << own;
  EXPECT_EQ(own.find("a=1,b=2"), std::string::npos) << own;
  EXPECT_EQ(body_of(get("/?bare&url=http://shop.test/seen")), "shop.test|host=shop.test");
}

TEST_F(OutgoingExchangeTest, requests_are_counted_on_their_link) {
  serve(&handler_);
  EXPECT_EQ(body_of(get("/?url=http://shop.test/hello")), "hello");
  EXPECT_TRUE(get("/?url=http://shop.test/fail").starts_with("HTTP/1.1 502 "));
  std::vector<dispatch::LinkFigures> figures;
  EXPECT_TRUE(testing_support::eventually([&] {
    figures = table_.figures();
    return !figures.empty() && figures[0].calls == 2;
  }));
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].source + " " + figures[0].interface + " " + figures[0].target,
            "proxy wasi:http/outgoing-handler answerer");
  EXPECT_EQ(figures[0].calls, 2U);
  EXPECT_EQ(figures[0].errors, 1U);
}

TEST_F(OutgoingExchangeTest, bodies_stream_both_ways_at_once) {
  serve(&handler_);
  const std::string body(5'000'000, 'x');
  std::thread sending;
  Client client(port_);
  sending = std::thread([&] {
    client.send("POST /?url=http://shop.test/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n");
    client.send(body);
  });
  const auto answer = client.receive_all();
  sending.join();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 200);
  EXPECT_EQ(answer.substr(answer.size() - 7), "\r\n0\r\n\r\n");
  EXPECT_GT(answer.size(), body.size());
}

TEST_F(OutgoingExchangeTest, a_slow_reader_slows_the_one_who_answers) {
  serve(&handler_);
  Client client(port_, 4096);
  client.send("GET /?url=http://shop.test/endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.sent > 0; }));
  std::size_t before = 1, now = 0;
  while (before != now) {
    before = now;
    std::this_thread::sleep_for(200ms);  // what stands still for so long waits
    events_.change([&now](Events& all) { now = all.sent; });
  }
  EXPECT_LT(now, 50'000'000U);
  client.reset();
  EXPECT_TRUE(events_.wait_for([](const Events& all) { return all.disconnects == 1 && all.alive == 0; }));
}

TEST_F(OutgoingExchangeTest, every_fault_reaches_the_guest) {
  FaultHandler faults;
  serve(&faults);
  for (unsigned number = 0; number < web::kHttpFaults; ++number) {
    // An answer to HTTP/1.0 comes without chunks, whatever the server knows of its length by then.
    EXPECT_EQ(body_of(talk("GET /?url=http://shop.test/" + std::to_string(number) + " HTTP/1.0\r\nHost: a\r\n\r\n")),
              "error " + std::to_string(number) + "\n");
  }
}

TEST_F(OutgoingExchangeTest, a_handler_that_fails_is_an_internal_error) {
  serve(&handler_);
  EXPECT_EQ(body_of(get("/?url=http://shop.test/fail")), "error 38\n");
  EXPECT_EQ(body_of(get("/?url=http://shop.test/nobody")), "error 38\n");
  EXPECT_EQ(body_of(get("/?url=http://shop.test/bad-head")), "error 38\n");
}

TEST_F(OutgoingExchangeTest, an_answer_that_breaks_off_is_visibly_incomplete) {
  serve(&handler_);
  for (const auto* path : {"/fail-after-head", "/promise-more", "/promise-less"}) {
    const auto answer = get(std::string("/?url=http://shop.test") + path);
    const bool whole = answer.ends_with("\r\n0\r\n\r\n") || answer.ends_with("content-length: 5\r\n\r\n12345");
    EXPECT_FALSE(whole) << path << ": " << answer;
  }
}

TEST_F(OutgoingExchangeTest, whoever_answers_learns_that_the_guest_has_gone) {
  serve(&handler_);
  {
    Client client(port_);
    client.send("GET /?url=http://shop.test/wait HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  }
  EXPECT_TRUE(events_.wait_for([](const Events& all) { return all.disconnects == 1 && all.alive == 0; }));
  EXPECT_EQ(body_of(get("/abandon?url=http://shop.test/wait")), "abandoned\n");
  EXPECT_EQ(body_of(get("/leave?url=http://shop.test/wait")), "left\n");
  EXPECT_EQ(body_of(get("/drop-body?url=http://shop.test/endless")), "status 200\n");
  EXPECT_TRUE(events_.wait_for([](const Events& all) { return all.alive == 0; }));
}

TEST_F(OutgoingExchangeTest, a_request_body_that_the_guest_drops_is_never_whole) {
  serve(&handler_);
  EXPECT_EQ(body_of(get("/break?url=http://shop.test/swallow-then-head")), "error 35\n");
}

TEST_F(OutgoingExchangeTest, one_component_answers_another) {
  other_ = load("echo", false);
  serve(other_.get());
  const std::string body(300'000, 'y');
  const auto answer = talk(
      "POST /?url=http://echo/ HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 200);
  EXPECT_NE(answer.find("content-type: text/x"), std::string::npos);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(body_of(answer), 'y')), body.size());
}

TEST_F(OutgoingExchangeTest, a_guest_reaches_a_server_through_the_client) {
  auto made = web::ClientHandler::create(shards_, {.trust = {.system_roots = false, .extra_roots_file = {}}});
  ASSERT_TRUE(made);
  client_ = *std::move(made);
  std::unique_ptr<web::Server> target;
  std::uint16_t port = 0;
  listen(handler_, target, port);
  serve(client_.get());
  const auto url = "http://127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(body_of(get("/?url=" + url + "/hello")), "hello");
  EXPECT_EQ(body_of(talk("POST /?url=" + url +
                         "/swallow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n123456789")),
            "9");
  EXPECT_EQ(body_of(get("/?first=50&url=" + url + "/wait")), "error 9\n");
  target->close(0ms);
  EXPECT_EQ(body_of(get("/?url=" + url + "/hello")), "error 6\n");
}

}  // namespace
}  // namespace weft::guest
