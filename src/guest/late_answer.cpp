// SPDX-License-Identifier: Apache-2.0
#include "guest/late_answer.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>

#include "guest/guest_bytes.hpp"

namespace weft::guest {
namespace {

/// ok(a future that is not resolved yet).
constexpr std::array kOkPending{std::byte{0}, std::byte{0}};

}  // namespace

class LateAnswer::Stream final : public dispatch::Channel {
 public:
  Stream(std::shared_ptr<LateAnswer> owner, std::unique_ptr<dispatch::Channel> stream)
      : owner_(std::move(owner)), stream_(std::move(stream)) {}

  void read(dispatch::ChannelReader& reader) override {
    if (const auto owner = std::exchange(owner_, nullptr)) {
      owner->on_taken();
    }
    stream_->read(reader);
  }

 private:
  std::shared_ptr<LateAnswer> owner_;  ///< null: it knows
  std::unique_ptr<dispatch::Channel> stream_;
};

class LateAnswer::Future final : public dispatch::Channel {
 public:
  explicit Future(std::shared_ptr<LateAnswer> owner) : owner_(std::move(owner)) {}
  ~Future() override {
    owner_->reader_ = nullptr;
    owner_->is_over_ = true;
    owner_->call_.reset();
  }
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;

  void read(dispatch::ChannelReader& reader) override {
    const auto owner = owner_;
    owner->read(reader);
  }
  [[nodiscard]] bool is_future() const noexcept override { return true; }

 private:
  std::shared_ptr<LateAnswer> owner_;
};

class LateAnswer::Handle final : public dispatch::PendingCall {
 public:
  explicit Handle(std::shared_ptr<LateAnswer> owner) : owner_(std::move(owner)) {}
  ~Handle() override {
    if (std::exchange(owner_->guest_, nullptr) != nullptr) {
      owner_->is_over_ = true;
      owner_->call_.reset();
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

 private:
  std::shared_ptr<LateAnswer> owner_;
};

std::unique_ptr<dispatch::Channel> LateAnswer::watch(std::unique_ptr<dispatch::Channel> stream) {
  return std::make_unique<Stream>(shared_from_this(), std::move(stream));
}

std::unique_ptr<dispatch::PendingCall> LateAnswer::hold(std::unique_ptr<dispatch::PendingCall> call) {
  if (!is_over_) {
    call_ = std::move(call);
  }
  return std::make_unique<Handle>(shared_from_this());
}

void LateAnswer::on_taken() {
  if (auto* const guest = std::exchange(guest_, nullptr)) {
    dispatch::Channels channels;
    channels.push_back({.path = std::string(path_), .channel = std::make_unique<Future>(shared_from_this())});
    guest->on_streamed_results(kOkPending, std::move(channels));
  }
}

void LateAnswer::on_results(std::span<const std::byte> results) {
  const auto self = shared_from_this();
  if (auto* const guest = std::exchange(guest_, nullptr)) {
    is_over_ = true;
    return guest->on_results(results);
  }
  resolve({results.begin(), results.end()});
}

void LateAnswer::on_error(Error error) {
  const auto self = shared_from_this();
  if (auto* const guest = std::exchange(guest_, nullptr)) {
    is_over_ = true;
    return guest->on_error(std::move(error));
  }
  std::vector failed{std::byte{1}};
  put_text(failed, error.to_string());
  resolve(std::move(failed));
}

void LateAnswer::on_not_served(Error error) {
  const auto self = shared_from_this();
  if (auto* const guest = std::exchange(guest_, nullptr)) {
    is_over_ = true;
    return guest->on_not_served(std::move(error));
  }
  on_error(std::move(error));
}

void LateAnswer::resolve(std::vector<std::byte> outcome) {
  is_over_ = true;
  call_.reset();
  outcome_ = std::move(outcome);
  if (auto* const reader = std::exchange(reader_, nullptr)) {
    tell(*reader);
  }
}

void LateAnswer::read(dispatch::ChannelReader& reader) {
  if (outcome_.empty()) {
    reader_ = &reader;
    return;
  }
  tell(reader);
}

void LateAnswer::tell(dispatch::ChannelReader& reader) {
  if (std::exchange(is_told_, true)) {
    return reader.on_end();
  }
  reader.on_piece(outcome_);
}

}  // namespace weft::guest
