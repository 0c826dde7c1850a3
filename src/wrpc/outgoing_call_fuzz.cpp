// SPDX-License-Identifier: Apache-2.0
// Whatever a peer answers to a call. Oracle: one outcome at most, and after a failure, a direct answer or a cancel
// nothing at all; what is sent is the parameters, in order, in messages that the server takes, with one end of the root
// channel for a call that was accepted, and none where the first message said that nothing follows.
#include <optional>

#include "wrpc/call_headers.hpp"
#include "wrpc/fuzz_script.hpp"
#include "wrpc/recording.hpp"

namespace {

using namespace weft::wrpc;
using namespace weft::wrpc::testing_support;

struct Trial {
  explicit Trial(FuzzScript input) : script(input) {
    const auto shape = script.byte();
    params = script.bytes();
    port = RecordingPort(script.byte());
    is_complete = (shape & 1U) != 0;
    OutgoingCallSpec spec{.subject = "T",
                          .inbox = "Rc",
                          .headers = {},
                          .pending = {"0.0", "0.1"},
                          .is_complete = is_complete,
                          .max_value_bytes = 300};
    if ((shape & 2U) != 0 || is_complete) {
      spec.headers.push_back(
          {.name = std::string(kCallHeader), .value = encode_weft_call({.is_complete = is_complete, .depth = shape})});
    }
    has_detour = (shape & 4U) != 0;
    if (has_detour) {
      spec.detour = Detour{
          .question = "Q", .function = "f", .silent = std::make_shared<const HostSet>(HostSet{"silent", "away"})};
    }
    call.emplace(port, events, std::move(spec));
    require(call->start(bytes_of(params)).has_value());
  }

  void run() {
    while (!script.is_over()) {
      const bool was_silent = is_silent;
      const auto lines = events.lines.size();
      step();
      if (was_silent) {
        require(events.lines.size() == lines);
      }
      note_end(lines);
      require(events.outcomes <= 1);
    }
    check_sent();
  }

 private:
  void tell(std::string_view channel, std::string payload, std::string reply = {}, std::string name = {},
            std::string value = {}) {
    weft::bus::Message message{.subject = {}, .reply = std::move(reply), .headers = {}, .payload = std::move(payload)};
    if (!name.empty()) {
      message.headers.push_back({.name = std::move(name), .value = std::move(value)});
    }
    call->receive(channel, std::move(message));
  }

  void step() {
    const auto kind = script.byte();
    auto data = script.bytes();
    switch (kind % 17) {
      case 0:
        return tell("", {}, "Rs");
      case 1:
        return tell("", {}, "Rs", std::string(kAcceptHeader), "1");
      case 2:
        return tell("", std::move(data), "Rt");
      case 3:
        return tell("", std::move(data));
      case 4:
        return tell("", {}, {}, "Status", std::move(data));
      case 5:
        return tell("", std::move(data), {}, std::string(kAnswerHeader), "results");
      case 6:
        return tell("", std::move(data), {}, std::string(kAnswerHeader), "error");
      case 7:
        return tell("results", std::move(data));
      case 8:
        return tell("results", {});
      case 9:
        return tell("results.0.0", std::move(data));
      case 10:
        return tell("results.0.0", {});
      case 11: {
        const std::string channel = data;
        return tell(channel, std::move(data));
      }
      case 12:
        call->cancel();
        is_silent = true;
        return;
      case 13:
        if (call->is_accepted()) {
          (void)call->send("9", data);
        }
        return;
      case 14:
        return tell("who", std::move(data), "A");
      case 15:
        return tell("who", {}, {}, "Status", "503");
      case 16:
        call->stop_looking();
        return;
    }
  }

  void note_end(std::size_t from) {
    is_silent = is_silent || events.is_closed;
    for (; from < events.lines.size(); ++from) {
      was_accepted = was_accepted || events.lines[from] == "accepted";
    }
  }

  /// A call is sent once; with a detour when it is known whereto, and once more if nobody is there. The last of them;
  /// none: how many messages there are.
  std::size_t check_calls() {
    if (!has_detour) {
      require(port.sent[0].subject == "T" && port.sent[0].reply == "Rc");
      return 0;
    }
    require(port.sent[0].subject == "Q" && port.sent[0].reply == "Rc.who" && port.sent[0].payload.empty());
    std::size_t index = 1;
    if (index < port.sent.size() && port.sent[index].subject == "A.f") {
      require(port.sent[index].reply == "Rc");
      index += index + 1 < port.sent.size() && port.sent[index + 1].subject == "T" ? 1 : 0;
    }
    require(index == port.sent.size() || port.sent[index].reply == "Rc");
    return index;
  }

  void check_sent() {
    const auto first = check_calls();
    if (first == port.sent.size()) {
      return;
    }
    std::string sent = port.sent[first].payload;
    const bool is_promised = decode_weft_call(port.sent[first].header(kCallHeader)).value_or(WeftCall{}).is_complete;
    require(!is_promised || sent == params);
    std::size_t ends = 0;
    for (std::size_t index = first + 1; index < port.sent.size(); ++index) {
      const auto& message = port.sent[index];
      require(message.reply.empty() && message.headers.empty());
      require(message.payload.size() <= std::max<std::size_t>(port.max_payload(), 1));
      if (message.subject == "Rs.params" || message.subject == "Rt.params") {
        require(ends == 0);
        ends += message.payload.empty() ? 1 : 0;
        sent += message.payload;
      }
    }
    require(params.starts_with(sent));
    require(ends <= 1 && (ends == 0 || sent == params));
    require(!was_accepted || ends == 1 || is_promised);
  }

  FuzzScript script;
  std::string params;
  bool is_complete = false;
  bool has_detour = false;
  RecordingPort port;
  OutgoingRecorder events;
  std::optional<OutgoingCall> call;
  bool is_silent = false;
  bool was_accepted = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Trial(FuzzScript(data, size)).run();
  return 0;
}
