// SPDX-License-Identifier: Apache-2.0
/// For tests and fuzzers of the two call machines: a Port that keeps what is published, and events that are written
/// down as lines. A plain value; nothing here has a clock or a thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wrpc/incoming_call.hpp"
#include "wrpc/outgoing_call.hpp"

namespace weft::wrpc::testing_support {

class RecordingPort final : public Port {
 public:
  explicit RecordingPort(std::size_t max_payload = std::size_t{1} << 20) : max_payload_(max_payload) {}

  Result<void> publish(bus::Message message) override {
    if (works_for == 0) {
      return Error(Errc::unavailable, "the server is away", {}, Blame::environment);
    }
    works_for -= 1;
    sent.push_back(std::move(message));
    return {};
  }
  [[nodiscard]] std::size_t max_payload() const noexcept override { return max_payload_; }

  /// What was sent since the last look, one line for each: "subject<reply {name:value,} payload".
  std::vector<std::string> take() {
    std::vector<std::string> lines;
    for (const auto& message : std::exchange(sent, {})) {
      lines.push_back(line_of(message));
    }
    return lines;
  }
  /// Everything that went to one subject, and how many of those messages were empty.
  [[nodiscard]] std::pair<std::string, std::size_t> channel(std::string_view subject) const {
    std::pair<std::string, std::size_t> found;
    for (const auto& message : sent) {
      if (message.subject == subject) {
        found.first += message.payload;
        found.second += message.payload.empty() ? 1 : 0;
      }
    }
    return found;
  }

  std::vector<bus::Message> sent;
  std::size_t works_for = SIZE_MAX;  ///< so many messages are taken before the server is away

 private:
  static std::string line_of(const bus::Message& message) {
    std::string line = message.subject;
    if (!message.reply.empty()) {
      line += "<" + message.reply;
    }
    if (!message.headers.empty()) {
      line += " {";
      for (const auto& header : message.headers) {
        line += header.name + ":" + header.value + ",";
      }
      line += "}";
    }
    return message.payload.empty() ? line : line + " " + message.payload;
  }

  std::size_t max_payload_;
};

/// "sent", "accepted", "results x", "results x, nothing follows", "channel 0.0 x", "failed code/delivery".
class OutgoingRecorder final : public OutgoingEvents {
 public:
  void on_sent() override {
    lines.emplace_back("sent");
    react();
  }
  void on_accepted() override {
    lines.emplace_back("accepted");
    react();
  }
  void on_results(std::string results, Nested nested) override {
    lines.push_back("results " + results + (nested == Nested::empty ? ", nothing follows" : ""));
    outcomes += 1;
    is_closed = is_closed || nested == Nested::empty;
    react();
  }
  void on_channel(std::string_view path, std::string_view piece) override {
    lines.push_back("channel " + std::string(path) + " " + std::string(piece));
    react();
  }
  void on_failed(Error failure, Delivery delivery) override {
    lines.push_back("failed " + std::string(to_string(failure.code())) + name_of(delivery));
    outcomes += 1;
    is_closed = true;
    error.emplace(std::move(failure));
    react();
  }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  int outcomes = 0;
  bool is_closed = false;  ///< nothing may come any more
  std::optional<Error> error;
  std::function<void()> reaction;  ///< run inside every event; may destroy the machine

 private:
  static std::string name_of(Delivery delivery) {
    switch (delivery) {
      case Delivery::not_delivered:
        return "/not_delivered";
      case Delivery::unknown:
        return "/unknown";
      case Delivery::accepted:
        return "/accepted";
    }
    return "/?";
  }
  void react() {
    if (reaction) {
      reaction();
    }
  }
};

/// "params x", "channel 0.0 x", "gone code".
class IncomingRecorder final : public IncomingEvents {
 public:
  void on_params(std::string params) override {
    lines.push_back("params " + params);
    react();
  }
  void on_channel(std::string_view path, std::string_view piece) override {
    lines.push_back("channel " + std::string(path) + " " + std::string(piece));
    react();
  }
  void on_gone(Error error) override {
    lines.push_back("gone " + std::string(to_string(error.code())));
    react();
  }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::function<void()> reaction;

 private:
  void react() {
    if (reaction) {
      reaction();
    }
  }
};

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline bus::Message message_with(std::string payload) {
  return {.subject = {}, .reply = {}, .headers = {}, .payload = std::move(payload)};
}

}  // namespace weft::wrpc::testing_support
