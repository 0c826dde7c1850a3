// SPDX-License-Identifier: Apache-2.0
#include "lattice/config_service.hpp"

#include <fmt/format.h>

#include <chrono>

namespace weft::lattice {
namespace {

constexpr std::chrono::milliseconds kTimeout{10'000};

}  // namespace

async::Task<wire::RegistryCredentials> ask_config_service(bus::Bus* bus, std::string lattice, wire::StringMap labels) {
  WEFT_CO_TRY(const auto answer, co_await bus->request({.subject = fmt::format("wasmbus.cfg.{}.req", lattice),
                                                        .reply = {},
                                                        .headers = {},
                                                        .payload = wire::encode_config_question(labels)},
                                                       kTimeout));
  co_return wire::decode_config_answer(answer.payload);
}

}  // namespace weft::lattice
