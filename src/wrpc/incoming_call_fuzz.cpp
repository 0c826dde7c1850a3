// SPDX-License-Identifier: Apache-2.0
// Whatever a caller sends, and an owner that answers once at any moment it may. Oracle: the parameters are told once
// and are what was sent up to the end; nothing comes after the caller has gone; the call is accepted once at most and
// before its results; its root channel ends once, and no other message of it is empty.
#include <optional>

#include "wrpc/fuzz_script.hpp"
#include "wrpc/recording.hpp"

namespace {

using namespace weft::wrpc;
using namespace weft::wrpc::testing_support;

constexpr std::size_t kMaxValue = 300;

struct Trial {
  explicit Trial(FuzzScript input) : script(input) {
    const auto shape = script.byte();
    weft::bus::Message message{.subject = "T", .reply = "Rc", .headers = {}, .payload = {}};
    if ((shape & 1U) != 0) {
      message.headers.push_back({.name = std::string(kCallHeader), .value = script.bytes()});
    } else if ((shape & 2U) != 0) {
      message.headers.push_back({.name = std::string(kCallHeader), .value = "complete;depth=1"});
    }
    port = RecordingPort(script.byte());
    message.payload = script.bytes();
    sent = message.payload;
    call.emplace(port, events, std::move(message), "Rs", kMaxValue);
    require(call->start().has_value());
    is_weft = call->weft().has_value();
    had_end = call->has_no_nested();
  }

  void run() {
    check_events();
    while (!script.is_over()) {
      const bool was_gone = is_gone;
      const auto lines = events.lines.size();
      step();
      check_events();
      require(!was_gone || events.lines.size() == lines);
    }
    check_sent();
  }

 private:
  void step() {
    const auto kind = script.byte();
    const auto data = script.bytes();
    switch (kind % 10) {
      case 0:
        if (!had_end && !is_gone) {
          had_end = data.empty();
          sent += data;
        }
        return call->receive("params", message_with(data));
      case 1:
        had_end = true;
        return call->receive("params", {});
      case 2:
        return call->receive("params.0.0", message_with(data));
      case 3:
        return call->receive("cancel", message_with(data));
      case 4:
        return call->receive(data, message_with(data));
      case 5:
        (void)call->settle();
        return;
      case 6:
        if (may_answer()) {
          constexpr std::string_view kPending[] = {"0.0"};
          (void)call->answer(data, kPending);
        }
        return;
      case 7:
        if (may_answer()) {
          (void)call->begin_answer(data);
          (void)call->send("0.0", data);
          (void)call->finish("0.0");
        }
        return;
      case 8:
      case 9:
        if (!is_answered && !is_gone) {
          is_answered = true;
          (void)call->fail({weft::Errc::trap, data});
        }
        return;
    }
  }

  bool may_answer() { return has_params && !is_gone && !std::exchange(is_answered, true); }

  void check_events() {
    for (; checked < events.lines.size(); ++checked) {
      const auto& line = events.lines[checked];
      require(!is_gone);
      if (line.starts_with("params ")) {
        require(!std::exchange(has_params, true));
        require(line.substr(7) == sent && had_end && sent.size() <= std::max<std::size_t>(kMaxValue, 255));
      }
      if (line.starts_with("gone ")) {
        is_gone = true;
        is_answered = is_answered || line == "gone resource_exhausted";
      }
    }
  }

  void check_sent() {
    std::size_t accepts = 0;
    std::size_t direct = 0;
    std::size_t ends = 0;
    for (const auto& message : port.sent) {
      if (message.subject == "Rc" && !message.reply.empty()) {
        require(message.reply == "Rs" && message.payload.empty() && direct + ends == 0);
        accepts += 1;
      } else if (message.subject == "Rc") {
        require(is_weft && ends == 0);
        require(message.payload.size() + header_bytes(message.headers) <= port.max_payload());
        direct += 1;
      } else {
        require(accepts == 1 && direct == 0 && message.reply.empty() && message.headers.empty());
        require(message.payload.size() <= std::max<std::size_t>(port.max_payload(), 1));
        require(message.subject == "Rc.results" || (message.subject == "Rc.results.0.0" && ends == 1));
        if (message.subject == "Rc.results") {
          require(ends == 0);
          ends += message.payload.empty() ? 1 : 0;
        }
      }
    }
    require(accepts <= 1 && direct + ends == (is_answered ? 1U : 0U));
  }

  FuzzScript script;
  RecordingPort port;
  IncomingRecorder events;
  std::optional<IncomingCall> call;
  std::string sent;
  bool is_weft = false;
  bool had_end = false;
  bool has_params = false;
  bool is_answered = false;
  bool is_gone = false;
  std::size_t checked = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Trial(FuzzScript(data, size)).run();
  return 0;
}
