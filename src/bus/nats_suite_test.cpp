// SPDX-License-Identifier: Apache-2.0
// The suites of every bus and every bucket, on a real server.
#include <memory>
#include <string>
#include <utility>

#include "bus/bus_suite.hpp"
#include "bus/key_value_suite.hpp"
#include "bus/nats_bus.hpp"
#include "support/nats_server.hpp"

namespace weft::bus {
namespace {

std::unique_ptr<NatsBus> connect(const test::NatsServer& server, const std::string& domain = {}) {
  NatsOptions options;
  options.urls = {server.url()};
  options.jetstream_domain = domain;
  auto bus = NatsBus::connect(std::move(options));
  EXPECT_TRUE(bus) << bus.error().to_string();
  return bus ? *std::move(bus) : nullptr;
}

class NatsUnderTest final : public BusUnderTest {
 public:
  explicit NatsUnderTest(std::unique_ptr<test::NatsServer> server)
      : server_(std::move(server)), bus_(connect(*server_)), peer_(connect(*server_)) {}
  Bus& bus() override { return *bus_; }
  Bus& peer() override { return *peer_; }

 private:
  std::unique_ptr<test::NatsServer> server_;
  std::unique_ptr<NatsBus> bus_;
  std::unique_ptr<NatsBus> peer_;
};

std::unique_ptr<BusUnderTest> make_bus(async::Shard& /*shard*/) {
  auto server = test::NatsServer::start();
  return server ? std::make_unique<NatsUnderTest>(std::move(server)) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Nats, BusSuite, testing::Values(BusCase{"nats", make_bus}), name_of_case);

class NatsStore final : public KeyValueUnderTest {
 public:
  NatsStore(std::unique_ptr<test::NatsServer> server, const std::string& domain)
      : server_(std::move(server)), bus_(connect(*server_, domain)) {}
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override {
    return bus_->open_bucket(std::move(name));
  }

 private:
  std::unique_ptr<test::NatsServer> server_;
  std::unique_ptr<NatsBus> bus_;
};

std::unique_ptr<KeyValueUnderTest> make_store(const std::string& domain) {
  auto server = test::NatsServer::start({.jetstream = true, .domain = domain, .configuration = {}});
  return server ? std::make_unique<NatsStore>(std::move(server), domain) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Nats, KeyValueSuite,
                         testing::Values(KeyValueCase{"nats", [](async::Shard&) { return make_store({}); }},
                                         KeyValueCase{"domain", [](async::Shard&) { return make_store("hub"); }}),
                         name_of_store);

}  // namespace
}  // namespace weft::bus
