// SPDX-License-Identifier: Apache-2.0
#include "conformance/lattice_client.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "async/shard_call.hpp"
#include "bus/nats_bus.hpp"
#include "bus/test_wait.hpp"

namespace weft::conformance {
namespace {

constexpr std::chrono::seconds kFlushTimeout{10};

Seen to_seen(bus::Message message) {
  Seen seen{.subject = std::move(message.subject),
            .reply = std::move(message.reply),
            .headers = {},
            .payload = std::move(message.payload)};
  for (auto& header : message.headers) {
    seen.headers.emplace_back(std::move(header.name), std::move(header.value));
  }
  return seen;
}

bus::Message to_message(const std::string& subject, const std::string& payload, const std::string& reply = {}) {
  return {.subject = subject, .reply = reply, .headers = {}, .payload = payload};
}

}  // namespace

std::string Seen::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

void Capture::add(Seen seen) {
  const std::lock_guard lock(mutex_);
  seen_.push_back(std::move(seen));
  changed_.notify_all();
}

std::vector<Seen> Capture::now() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::size_t Capture::size() const {
  const std::lock_guard lock(mutex_);
  return seen_.size();
}

std::vector<Seen> Capture::wait_until(const Enough& enough, std::string_view what) const {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return enough(seen_); })) {
    ADD_FAILURE() << "waited in vain for " << what << " among " << seen_.size() << " messages";
    for (const auto& seen : seen_) {
      std::printf("  %s %.300s\n", seen.subject.c_str(), seen.payload.c_str());
    }
  }
  return seen_;
}

std::vector<Seen> Capture::wait_for(std::size_t count) const {
  return wait_until([count](const auto& seen) { return seen.size() >= count; }, std::to_string(count) + " messages");
}

struct LatticeClient::State {
  async::Shard shard{98};
  std::unique_ptr<bus::NatsBus> bus;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions;
  std::map<std::string, std::shared_ptr<bus::KeyValue>> buckets;

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard, std::move(task));
  }
  bus::KeyValue* bucket(const std::string& name) {
    auto& slot = buckets[name];
    if (!slot) {
      auto opened = run(bus->open_bucket(name));
      EXPECT_TRUE(opened) << opened.error().to_string();
      slot = opened ? *std::move(opened) : nullptr;
    }
    return slot.get();
  }
};

std::unique_ptr<LatticeClient> LatticeClient::connect(const std::string& url) {
  auto state = std::make_unique<State>();
  bus::NatsOptions options;
  options.urls = {url};
  auto bus = bus::NatsBus::connect(std::move(options));
  if (!bus) {
    ADD_FAILURE() << bus.error().to_string();
    return nullptr;
  }
  state->bus = *std::move(bus);
  state->shard.start();
  return std::unique_ptr<LatticeClient>(new LatticeClient(std::move(state)));
}

LatticeClient::LatticeClient(std::unique_ptr<State> state) : state_(std::move(state)) {}

LatticeClient::~LatticeClient() {
  bus::testing_support::on_shard(state_->shard, [this] { state_->subscriptions.clear(); });
  state_->buckets.clear();
  (void)state_->run(state_->bus->drain(kFlushTimeout));
  state_->shard.stop();
  state_->bus.reset();
}

std::optional<Seen> LatticeClient::request(const std::string& subject, const std::string& payload,
                                           std::chrono::milliseconds timeout) {
  auto answer = state_->run(state_->bus->request(to_message(subject, payload), timeout));
  return answer ? std::optional(to_seen(*std::move(answer))) : std::nullopt;
}

bool LatticeClient::publish(const std::string& subject, const std::string& payload, const std::string& reply) {
  return state_->bus->publish(to_message(subject, payload, reply)).has_value();
}

std::string LatticeClient::new_inbox() { return state_->bus->new_inbox(); }

std::shared_ptr<Capture> LatticeClient::listen(const std::string& pattern) {
  auto capture = std::make_shared<Capture>();
  auto subscription = state_->bus->subscribe(
      state_->shard, pattern, {}, [capture](bus::Message message) { capture->add(to_seen(std::move(message))); });
  EXPECT_TRUE(subscription) << subscription.error().to_string();
  if (subscription) {
    state_->subscriptions.push_back(*std::move(subscription));
  }
  flush();
  return capture;
}

void LatticeClient::flush() { EXPECT_TRUE(state_->run(state_->bus->flush(kFlushTimeout))); }

std::optional<std::string> LatticeClient::stored(const std::string& bucket, const std::string& key) {
  auto entry = state_->run(state_->bucket(bucket)->get(key));
  EXPECT_TRUE(entry) << entry.error().to_string();
  return entry && *entry ? std::optional((*entry)->value) : std::nullopt;
}

bool LatticeClient::store(const std::string& bucket, const std::string& key, const std::string& value) {
  return state_->run(state_->bucket(bucket)->put(key, value)).has_value();
}

void LatticeClient::erase(const std::string& bucket, const std::string& key) {
  EXPECT_TRUE(state_->run(state_->bucket(bucket)->erase(key)));
}

std::vector<std::string> LatticeClient::keys(const std::string& bucket) {
  const auto entries = state_->run(state_->bucket(bucket)->list());
  EXPECT_TRUE(entries);
  std::vector<std::string> names;
  if (entries) {
    for (const auto& entry : *entries) {
      names.push_back(entry.key);
    }
  }
  return names;
}

}  // namespace weft::conformance
