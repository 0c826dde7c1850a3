// SPDX-License-Identifier: Apache-2.0
// Who is let in, over what: every way to authenticate, and TLS with certificates made for the test.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bus/nats_fixture.hpp"
#include "bus/test_identity.hpp"

namespace weft::bus {
namespace {

using namespace testing_support;
namespace id = test_identity;

class NatsAuthTest : public NatsTest {
 protected:
  void configure(const std::string& configuration) {
    start_server({.jetstream = false, .domain = {}, .configuration = configuration});
  }
  void expect_in(const Credentials& credentials) {
    auto with = options();
    with.credentials = credentials;
    const auto bus = connect(with);
    ASSERT_TRUE(bus);
    EXPECT_TRUE(wait(bus->flush(10s)));
  }
  void expect_out(const Credentials& credentials) {
    auto with = options();
    with.credentials = credentials;
    const auto bus = NatsBus::connect(with);
    ASSERT_FALSE(bus);
    EXPECT_EQ(bus.error().code(), Errc::permission_denied);
    EXPECT_THAT(bus.error().to_string(), testing::HasSubstr(server_->url()));
    EXPECT_THAT(bus.error().to_string(), testing::Not(testing::AnyOf(testing::HasSubstr("hunter2"),
                                                                     testing::HasSubstr(std::string(id::kUserSeed)))));
  }
  std::filesystem::path write(const std::string& name, const std::string& text) {
    const auto path = server_->folder() / name;
    std::ofstream(path) << text;
    return path;
  }
  static std::string operator_mode() {
    return "operator: " + std::string(id::kOperatorJwt) + "\nresolver: MEMORY\nresolver_preload: { " +
           std::string(id::kAccount) + ": " + std::string(id::kAccountJwt) + " }";
  }
  static std::string credentials_text() {
    return "-----BEGIN NATS USER JWT-----\n" + std::string(id::kUserJwt) +
           "\n------END NATS USER JWT------\n\nDo not share this.\n\n-----BEGIN USER NKEY SEED-----\n" +
           std::string(id::kUserSeed) + "\n------END USER NKEY SEED------\n";
  }
};

TEST_F(NatsAuthTest, takes_user_and_password) {
  configure("authorization { user: someone, password: hunter2 }");
  expect_in(UserPassword{.user = "someone", .password = "hunter2"});
  expect_out(UserPassword{.user = "someone", .password = "hunter3"});
  expect_out(std::monostate());
}

TEST_F(NatsAuthTest, takes_user_and_password_from_the_url_and_shows_them_nowhere) {
  configure("authorization { user: someone, password: hunter2 }");
  auto with = options();
  with.urls = {"nats://someone:hunter2@127.0.0.1:" + std::to_string(server_->port())};
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  EXPECT_EQ(bus->info().url, server_->url());
}

TEST_F(NatsAuthTest, takes_a_token) {
  configure("authorization { token: hunter2 }");
  expect_in(Token{"hunter2"});
  expect_out(Token{"hunter3"});
}

TEST_F(NatsAuthTest, takes_an_nkey) {
  configure("authorization { users: [ { nkey: " + std::string(id::kUserKey) + " } ] }");
  expect_in(NkeySeed{.public_key = std::string(id::kUserKey), .seed = std::string(id::kUserSeed)});
  expect_out(NkeySeed{.public_key = std::string(id::kOtherKey), .seed = std::string(id::kOtherSeed)});
  expect_out(NkeySeed{.public_key = std::string(id::kUserKey), .seed = std::string(id::kOtherSeed)});
}

TEST_F(NatsAuthTest, takes_a_user_jwt_and_its_seed) {
  configure(operator_mode());
  expect_in(UserJwt{.jwt = std::string(id::kUserJwt), .seed = std::string(id::kUserSeed)});
  expect_out(UserJwt{.jwt = std::string(id::kUserJwt), .seed = std::string(id::kOtherSeed)});
  auto with = options();
  with.credentials = UserJwt{.jwt = std::string(id::kUserJwt), .seed = {}};
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::invalid_argument);
}

TEST_F(NatsAuthTest, takes_a_credentials_file_also_after_a_restart) {
  configure(operator_mode());
  const auto path = write("user.creds", credentials_text());
  auto with = options();
  with.credentials = CredentialsFile{path};
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

TEST_F(NatsAuthTest, names_a_credentials_file_it_cannot_use) {
  configure("");
  auto with = options();
  with.credentials = CredentialsFile{server_->folder() / "absent.creds"};
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::io);
  with.credentials = CredentialsFile{write("bad.creds", "no such thing as " + std::string(id::kUserSeed))};
  const auto bus = NatsBus::connect(with);
  ASSERT_FALSE(bus);
  EXPECT_EQ(bus.error().code(), Errc::invalid_argument);
  EXPECT_THAT(bus.error().to_string(), testing::HasSubstr("bad.creds"));
  EXPECT_THAT(bus.error().to_string(), testing::Not(testing::HasSubstr(std::string(id::kUserSeed))));
}

TEST_F(NatsAuthTest, logs_what_a_user_may_not_do) {
  configure("authorization { users: [ { user: a, password: b, permissions: { publish: [\"_INBOX.>\", \"ok\"] } } ] }");
  auto with = options();
  with.credentials = UserPassword{.user = "a", .password = "b"};
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  EXPECT_TRUE(bus->publish(message("secret.place")));
  EXPECT_TRUE(eventually([&] {
    const auto lines = log_.now();
    return std::ranges::any_of(lines, [](const auto& line) { return line.find("secret.place") != line.npos; });
  }));
  EXPECT_EQ(bus->state(), BusState::connected);
}

// For as long as it lives, this process trusts an authority as if the system did.
class Trusted {
 public:
  explicit Trusted(const std::filesystem::path& authority) { ::setenv("SSL_CERT_FILE", authority.c_str(), 1); }
  ~Trusted() { ::unsetenv("SSL_CERT_FILE"); }
  Trusted(const Trusted&) = delete;
  Trusted& operator=(const Trusted&) = delete;
};

// An authority, a server certificate for 127.0.0.1, one for elsewhere, a client's; and a foreign authority.
class NatsTlsTest : public NatsAuthTest {
 protected:
  void SetUp() override {
    NatsAuthTest::SetUp();
    folder_ = test::make_test_folder();
    if (!make_authority("ca") || !make_authority("foreign") || !make("server", "ca", "IP:127.0.0.1") ||
        !make("elsewhere", "ca", "DNS:nats.example.net") || !make("client", "ca", "DNS:client")) {
      GTEST_SKIP() << "the openssl program does not make certificates: install openssl";
    }
  }
  void TearDown() override {
    NatsAuthTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] bool run(const std::string& command) const {
    return std::system(("cd '" + folder_.string() + "' && openssl " + command + " >/dev/null 2>&1").c_str()) == 0;
  }
  [[nodiscard]] bool make_authority(const std::string& name) const {
    return run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name +
               " -keyout " + name + ".key -out " + name + ".pem");
  }
  [[nodiscard]] bool make(const std::string& name, const std::string& authority, const std::string& alternative) const {
    std::ofstream(file(name + ".ext")) << "subjectAltName=" << alternative << '\n';
    return run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name + " -keyout " + name +
               ".key -out " + name + ".csr") &&
           run("x509 -req -days 2 -in " + name + ".csr -CA " + authority + ".pem -CAkey " + authority +
               ".key -CAcreateserial -extfile " + name + ".ext -out " + name + ".pem");
  }
  [[nodiscard]] std::string tls_block(const std::string& certificate, const std::string& more = {}) const {
    return "tls { cert_file: \"" + file(certificate + ".pem").string() + "\", key_file: \"" +
           file(certificate + ".key").string() + "\"" + more + " }\n";
  }
  void serve_tls(const std::string& certificate, const std::string& more = {}) {
    configure(tls_block(certificate, more));
  }
  [[nodiscard]] NatsOptions tls_options(const std::string& authority) {
    auto with = options();
    with.tls.require = true;
    if (!authority.empty()) with.tls.ca_file = file(authority + ".pem");
    return with;
  }
  void expect_failure(const NatsOptions& with, const std::string& words) {
    const auto bus = NatsBus::connect(with);
    ASSERT_FALSE(bus);
    EXPECT_EQ(bus.error().code(), Errc::unavailable);
    EXPECT_THAT(bus.error().to_string(), testing::HasSubstr(words));
  }

  std::filesystem::path folder_;
};

TEST_F(NatsTlsTest, trusts_the_authority_it_is_given) {
  serve_tls("server");
  const auto bus = connect(tls_options("ca"));
  ASSERT_TRUE(bus);
  EXPECT_TRUE(wait(bus->flush(10s)));
  // And after a restart.
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

TEST_F(NatsTlsTest, speaks_tls_to_a_server_that_asks_for_it) {
  serve_tls("server");
  auto with = tls_options("ca");
  with.tls.require = false;
  EXPECT_TRUE(connect(with));
}

TEST_F(NatsTlsTest, finds_out_that_a_server_wants_tls) {
  const Trusted trusted(file("ca.pem"));
  serve_tls("server");
  const auto bus = connect();  // nothing says so
  ASSERT_TRUE(bus);
  EXPECT_TRUE(wait(bus->flush(10s)));
  EXPECT_THAT(log_.now(), testing::ElementsAre(testing::HasSubstr("connected to")));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

TEST_F(NatsTlsTest, a_server_that_is_away_and_asks_who_one_is_may_want_tls) {
  const Trusted trusted(file("ca.pem"));
  configure(tls_block("server") + "authorization { user: someone, password: hunter2 }");
  server_->kill();
  auto with = options();
  with.first_connect = FirstConnect::wait_for_server;
  with.credentials = UserPassword{.user = "someone", .password = "hunter2"};
  const auto bus = connect(with);
  EXPECT_EQ(bus->state(), BusState::disconnected);
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

TEST_F(NatsTlsTest, follows_a_server_that_wants_tls_all_of_a_sudden) {
  const Trusted trusted(file("ca.pem"));
  const auto more = [this](const std::string& text) { std::ofstream(file("more.conf")) << text; };
  more("");
  configure("include '../" + folder_.filename().string() + "/more.conf'");
  const auto bus = connect();
  ASSERT_TRUE(wait(bus->flush(10s)));
  more(tls_block("server"));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

TEST_F(NatsTlsTest, distrusts_another_authority) {
  serve_tls("server");
  expect_failure(tls_options("foreign"), "CA file");
  expect_failure(tls_options(""), "CA file");
}

TEST_F(NatsTlsTest, distrusts_a_certificate_for_another_host) {
  serve_tls("elsewhere");
  expect_failure(tls_options("ca"), "names this host");
}

TEST_F(NatsTlsTest, requires_tls_when_told_to) {
  configure("");
  expect_failure(tls_options("ca"), "does not speak TLS");
  auto with = options();
  with.urls = {"tls://127.0.0.1:" + std::to_string(server_->port())};
  expect_failure(with, "does not speak TLS");
}

TEST_F(NatsTlsTest, shows_its_certificate_to_a_server_that_wants_one) {
  serve_tls("server", ", ca_file: \"" + file("ca.pem").string() + "\", verify: true");
  auto with = tls_options("ca");
  EXPECT_FALSE(NatsBus::connect(with));
  with.tls.certificate_file = file("client.pem");
  with.tls.key_file = file("client.key");
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  EXPECT_TRUE(wait(bus->flush(10s)));
}

TEST_F(NatsTlsTest, names_files_it_cannot_use) {
  configure("");
  auto with = tls_options("absent");
  auto bus = NatsBus::connect(with);
  ASSERT_FALSE(bus);
  EXPECT_EQ(bus.error().code(), Errc::io);
  EXPECT_THAT(bus.error().to_string(), testing::HasSubstr("absent.pem"));
  with = tls_options("ca");
  with.tls.certificate_file = file("client.pem");
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::invalid_argument);
  with.tls.key_file = file("server.key");
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::io);
}

}  // namespace
}  // namespace weft::bus
