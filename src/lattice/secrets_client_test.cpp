// SPDX-License-Identifier: Apache-2.0
#include "lattice/secrets_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/random.h>

#include <atomic>

#include "async/shard_call.hpp"
#include "bus/memory_bus.hpp"
#include "bus/test_wait.hpp"
#include "lattice/control_fixture.hpp"
#include "wire/sealed_box.hpp"

namespace weft::lattice {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::on_shard;
using testing::HasSubstr;

std::array<std::uint8_t, 32> random_bytes() {
  std::array<std::uint8_t, 32> bytes{};
  EXPECT_EQ(getrandom(bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

wire::KeyPair new_key() { return wire::KeyPair::from_entropy(wire::KeyKind::curve, random_bytes()); }

/// A secrets backend that answers every request with `response`, sealed.
class Backend {
 public:
  Backend(bus::MemoryBus& bus, async::Shard& shard, std::string name) : bus_(bus), shard_(shard) {
    const auto prefix = "secrets.v1alpha1." + name;
    subscriptions_.push_back(*bus.subscribe(shard, prefix + ".server_xkey", {}, [this](const bus::Message& message) {
      ++asked_for_key;
      say(message.reply, {}, key_.public_text());
    }));
    subscriptions_.push_back(
        *bus.subscribe(shard, prefix + ".get", {}, [this](const bus::Message& message) { answer(message); }));
  }
  /// After its shard has stopped.
  void forget() { subscriptions_.clear(); }
  void change_key() {
    on_shard(shard_, [this] { key_ = new_key(); });
  }

  std::string response = R"({"secret":{"version":"1","string_secret":"hunter2","binary_secret":null}})";
  bool seals = true;
  std::atomic<int> asked_for_key{0};
  bus::testing_support::Collected<std::string> requests;

 private:
  void answer(const bus::Message& message) {
    const auto host = wire::parse_public_key(message.header("WasmCloud-Host-Xkey"), wire::KeyKind::curve);
    const auto request = wire::open_sealed(message.payload, key_, *host);
    if (!request) return say(message.reply, {}, R"({"error":"DecryptionError"})");
    requests.add(*request);
    if (!seals) return say(message.reply, {}, response);
    const auto own = new_key();
    const auto nonce = random_bytes();
    say(message.reply, own.public_text(),
        *wire::seal(response, own, *host, std::span(nonce).first<wire::kNonceBytes>()));
  }
  void say(const std::string& to, const std::string& key, std::string payload) {
    bus::Message message{.subject = to, .reply = {}, .headers = {}, .payload = std::move(payload)};
    if (!key.empty()) message.headers.push_back({.name = "Server-Response-Xkey", .value = key});
    EXPECT_TRUE(bus_.publish(std::move(message)));
  }

  bus::MemoryBus& bus_;
  async::Shard& shard_;
  wire::KeyPair key_ = new_key();
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
};

class SecretsClientTest : public testing::Test {
 protected:
  SecretsClientTest() {
    shard_.start();
    backend_shard_.start();
    EXPECT_TRUE(run(boot()));
  }
  ~SecretsClientTest() override {
    (void)run(close());
    shard_.stop();
    backend_shard_.stop();
    if (backend_) backend_->forget();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  async::Task<void> boot() {
    WEFT_CO_TRY(auto data, co_await bus_.open_bucket("LATTICEDATA_test"));
    WEFT_CO_TRY(auto config, co_await bus_.open_bucket("CONFIGDATA_test"));
    store_ = std::make_unique<LatticeStore>(shard_, data, config);
    WEFT_CO_CHECK(co_await store_->start(listener_, 5s));
    WEFT_CO_CHECK(co_await store_->put_config(
        "SECRET_db", R"({"name":"password","type":"secret.wasmcloud.dev/v1alpha1","backend":"vault",)"
                     R"("key":"shop/db","policy":"{}"})"));
    WEFT_CO_CHECK(co_await store_->put_config("SECRET_odd", R"({"url":"x"})"));
    co_return co_await store_->put_config("plain", R"({"a":"1"})");
  }
  async::Task<void> close() {
    co_await store_->close();
    store_.reset();
    co_return Result<void>();
  }
  Result<wire::SecretMap> fetch(std::vector<std::string> names, std::string token = "e.e.e") {
    return run(client_->fetch(
        {.names = std::move(names), .workload = "component cart", .token = std::move(token), .application = "shop"}));
  }
  void serve() { backend_.emplace(bus_, backend_shard_, "vault"); }
  void open(const std::string& topic) {
    client_ = std::make_unique<SecretsClient>(bus_, *store_, topic, "h.h.h", random_bytes);
  }

  async::Shard shard_{0};
  async::Shard backend_shard_{1};
  bus::MemoryBus bus_;
  NoListener listener_;
  std::unique_ptr<LatticeStore> store_;
  std::unique_ptr<SecretsClient> client_;
  std::optional<Backend> backend_;
};

TEST_F(SecretsClientTest, a_secret_comes_under_the_name_of_its_reference) {
  open("secrets");
  serve();
  const auto secrets = fetch({"plain", "SECRET_db"});
  ASSERT_TRUE(secrets) << secrets.error().to_string();
  EXPECT_EQ(*secrets, (wire::SecretMap{{"password", {.kind = wire::SecretValue::Kind::text, .value = "hunter2"}}}));
  EXPECT_THAT(backend_->requests.now(),
              testing::ElementsAre(R"({"key":"shop/db","field":null,"version":null,"context":{"entity_jwt":"e.e.e",)"
                                   R"("host_jwt":"h.h.h","application":{"name":"shop","policy":"{}"}}})"));
  ASSERT_TRUE(fetch({"SECRET_db"}));
  EXPECT_EQ(backend_->asked_for_key, 1);
}

TEST_F(SecretsClientTest, without_secrets_nobody_is_asked) {
  open("");
  EXPECT_EQ(fetch({"plain"}, "")->size(), 0U);
}

TEST_F(SecretsClientTest, what_is_missing_is_named_with_what_would_help) {
  open("");
  const auto no_topic = fetch({"SECRET_db"}).error().to_string();
  EXPECT_THAT(no_topic,
              testing::AllOf(HasSubstr("component cart"), HasSubstr("SECRET_db"), HasSubstr("--secrets-topic")));
  open("secrets");
  EXPECT_THAT(fetch({"SECRET_db"}, "").error().to_string(), HasSubstr("weft claims sign"));
  EXPECT_THAT(fetch({"SECRET_none"}).error().to_string(), HasSubstr("SECRET_none"));
  EXPECT_THAT(fetch({"SECRET_odd"}).error().to_string(), HasSubstr("`name`"));
  const auto nobody = fetch({"SECRET_db"});
  EXPECT_EQ(nobody.error().code(), Errc::unavailable);
  EXPECT_THAT(nobody.error().to_string(), testing::AllOf(HasSubstr("secrets backend vault"), HasSubstr("start")));
}

TEST_F(SecretsClientTest, what_the_backend_says_is_told) {
  open("secrets");
  serve();
  backend_->seals = false;
  backend_->response = R"({"error":"Unauthorized"})";
  const auto refused = fetch({"SECRET_db"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::permission_denied);
  EXPECT_THAT(refused.error().message(), testing::AllOf(HasSubstr("vault"), HasSubstr("Unauthorized")));
}

TEST_F(SecretsClientTest, a_secret_that_is_not_sealed_is_refused_and_not_shown) {
  open("secrets");
  serve();
  backend_->seals = false;
  const auto open_one = fetch({"SECRET_db"});
  ASSERT_FALSE(open_one);
  EXPECT_THAT(open_one.error().to_string(), testing::Not(HasSubstr("hunter2")));
}

TEST_F(SecretsClientTest, a_backend_that_has_another_key_is_asked_for_it_again) {
  open("secrets");
  serve();
  ASSERT_TRUE(fetch({"SECRET_db"}));
  backend_->change_key();
  EXPECT_TRUE(fetch({"SECRET_db"}));
  EXPECT_EQ(backend_->asked_for_key, 2);
}

}  // namespace
}  // namespace weft::lattice
