// SPDX-License-Identifier: Apache-2.0
#include "bus/memory_bus.hpp"

#include "bus/bus_suite.hpp"
#include "bus/key_value_suite.hpp"
#include "bus/memory_key_value.hpp"

namespace weft::bus {
namespace {

class MemoryBusUnderTest final : public BusUnderTest {
 public:
  Bus& bus() override { return bus_; }

 private:
  MemoryBus bus_;
};

std::unique_ptr<BusUnderTest> make_memory_bus(async::Shard&) { return std::make_unique<MemoryBusUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Memory, BusSuite, testing::Values(BusCase{.name = "memory", .make = make_memory_bus}),
                         name_of_case);

class MemoryStoreUnderTest final : public KeyValueUnderTest {
 public:
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override {
    return bus_.open_bucket(std::move(name));
  }

 private:
  MemoryBus bus_;
};

std::unique_ptr<KeyValueUnderTest> make_memory_store(async::Shard&) { return std::make_unique<MemoryStoreUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Memory, KeyValueSuite,
                         testing::Values(KeyValueCase{.name = "memory", .make = make_memory_store}), name_of_store);

}  // namespace
}  // namespace weft::bus
