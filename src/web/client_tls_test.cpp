// SPDX-License-Identifier: Apache-2.0
// Whom the client believes, over TLS.
#include "web/client_fixture.hpp"
#include "web/test_certificates.hpp"

namespace weft::web::test {
namespace {

constexpr std::string_view kSecret = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";

class ClientTlsTest : public ClientTest {
 protected:
  void SetUp() override { make({.trust = {.system_roots = false, .extra_roots_file = authority_.file()}}); }

  static void answer(Peer& peer, int /*index*/) {
    while (peer.is_secure() && !peer.receive_head().empty()) {
      if (!peer.send(kSecret)) return;
    }
  }
  Outcome ask(const SSL_CTX* context, std::string_view host = "localhost") {
    ScriptedServer server(answer, const_cast<SSL_CTX*>(context));
    auto outcome = fetch({.scheme = "https", .authority = server.authority(host)});
    client_->close(0ms);
    SetUp();
    return outcome;
  }

  TestAuthority authority_;
};

TEST_F(ClientTlsTest, believes_a_certificate_for_the_name_it_asked_for) {
  const auto context = authority_.server("DNS:localhost,IP:127.0.0.1");
  auto outcome = ask(context.get());
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "secret");
  outcome = ask(context.get(), "127.0.0.1");
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
}

TEST_F(ClientTlsTest, believes_none_for_another_name) {
  for (const auto* const names : {"DNS:example.test,IP:127.0.0.2", "DNS:*.localhost", "DNS:127.0.0.1"}) {
    const auto context = authority_.server(names);
    EXPECT_EQ(ask(context.get()).fault, HttpFault::tls_certificate_error) << names;
    EXPECT_EQ(ask(context.get(), "127.0.0.1").fault, HttpFault::tls_certificate_error) << names;
  }
}

TEST_F(ClientTlsTest, believes_none_out_of_its_time) {
  const auto expired = authority_.server("DNS:localhost", -7200, -3600);
  auto outcome = ask(expired.get());
  EXPECT_EQ(outcome.fault, HttpFault::tls_certificate_error);
  EXPECT_EQ(outcome.reason, "certificate has expired");
  const auto future = authority_.server("DNS:localhost", 3600, 7200);
  EXPECT_EQ(ask(future.get()).fault, HttpFault::tls_certificate_error);
}

TEST_F(ClientTlsTest, believes_none_of_an_authority_it_does_not_know) {
  const TestAuthority other;
  const auto context = other.server("DNS:localhost");
  EXPECT_EQ(ask(context.get()).fault, HttpFault::tls_certificate_error);
}

TEST_F(ClientTlsTest, names_the_server_that_it_wants_but_never_an_address) {
  const auto context = authority_.server("DNS:localhost,IP:127.0.0.1");
  std::vector<std::string> names;
  ScriptedServer server(
      [&names](Peer& peer, int index) {
        names.push_back(peer.server_name());
        answer(peer, index);
      },
      context.get());
  fetch({.scheme = "https", .authority = server.authority("localhost")});
  client_.reset();
  SetUp();
  fetch({.scheme = "https", .authority = server.authority("127.0.0.1")});
  client_.reset();
  EXPECT_EQ(names, (std::vector<std::string>{"localhost", ""}));
}

TEST_F(ClientTlsTest, uses_a_connection_again) {
  const auto context = authority_.server("DNS:localhost");
  ScriptedServer server(answer, context.get());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(fetch({.scheme = "https", .authority = server.authority("localhost")}).body, "secret");
  client_.reset();
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTlsTest, tells_a_server_of_the_other_kind) {
  ScriptedServer plain([](Peer& peer, int) {
    peer.receive(1);
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(fetch({.scheme = "https", .authority = plain.authority()}).fault, HttpFault::tls_protocol_error);
  ScriptedServer hangs_up([](Peer& peer, int) { peer.receive(1); });
  EXPECT_EQ(fetch({.scheme = "https", .authority = hangs_up.authority()}).fault, HttpFault::tls_protocol_error);
  const auto context = authority_.server("DNS:localhost");
  ScriptedServer secure(answer, context.get());
  const auto fault = fetch({.authority = secure.authority()}).fault;
  EXPECT_TRUE(fault == HttpFault::http_protocol_error || fault == HttpFault::connection_terminated);
}

TEST_F(ClientTlsTest, an_answer_that_was_cut_is_not_whole) {
  const auto context = authority_.server("DNS:localhost");
  ScriptedServer server(
      [](Peer& peer, int) {
        peer.receive_head();
        // Ends with the connection: only TLS tells whether that is all.
        peer.send("HTTP/1.1 200 OK\r\n\r\npart of it");
        ::shutdown(peer.socket(), SHUT_RDWR);
      },
      context.get());
  const auto outcome = fetch({.scheme = "https", .authority = server.authority("localhost")});
  EXPECT_NE(outcome.fault, std::nullopt);
}

TEST_F(ClientTlsTest, moves_large_bodies) {
  const auto context = authority_.server("DNS:localhost");
  ScriptedServer server(
      [](Peer& peer, int) {
        peer.receive_head();
        const auto body = peer.receive(3'000'000);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        peer.sees_close();
      },
      context.get());
  Request request{.method = "PUT",
                  .scheme = "https",
                  .authority = server.authority("localhost"),
                  .headers = {{"content-length", "3000000"}}};
  request.body.emplace(300, std::string(10'000, 'y'));
  const auto outcome = fetch(std::move(request));
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, std::string(3'000'000, 'y'));
  client_.reset();
}

}  // namespace
}  // namespace weft::web::test
