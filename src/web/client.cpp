// SPDX-License-Identifier: Apache-2.0
#include "web/client.hpp"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "web/client_exchange.hpp"
#include "web/client_shard.hpp"

namespace weft::web {
namespace {

constexpr std::chrono::milliseconds kLook{5};  ///< between two looks at what still runs

}  // namespace

Result<std::unique_ptr<ClientHandler>> ClientHandler::create(async::ShardPool& shards, ClientConfig config) {
  WEFT_TRY(const TlsContext tls, make_tls_context(config.trust));
  return std::unique_ptr<ClientHandler>(new ClientHandler(shards, std::move(config), tls));
}

ClientHandler::ClientHandler(async::ShardPool& shards, ClientConfig config, const TlsContext& tls)
    : config_(std::move(config)) {
  shards_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    shards_.push_back(std::make_shared<ClientShard>(shards.at(index), config_, tls));
  }
}

ClientHandler::~ClientHandler() { close(std::chrono::milliseconds(0)); }

std::unique_ptr<Responder> ClientHandler::on_request(Exchange& exchange) {
  return std::make_unique<ClientExchange>(shards_[exchange.shard().index()], exchange);
}

void ClientHandler::close(std::chrono::milliseconds grace) {
  if (std::exchange(closed_, true)) return;
  for (const auto& shard : shards_) shard->refuse_new();
  const auto is_running = [this] {
    return std::ranges::any_of(shards_, [](const auto& shard) { return shard->running() != 0; });
  };
  const auto end = std::chrono::steady_clock::now() + grace;
  while (is_running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kLook);
  // Their owners destroy them in a turn of their own.
  std::vector<std::future<void>> cancelled;
  for (const auto& shard : shards_) {
    auto done = std::make_shared<std::promise<void>>();
    cancelled.push_back(done->get_future());
    shard->shard().post([shard, done]() noexcept {
      shard->cancel_all();
      done->set_value();
    });
  }
  for (auto& one : cancelled) one.wait();
}

}  // namespace weft::web
