// SPDX-License-Identifier: Apache-2.0
/// A host on a NATS server of its own, and a client that speaks to it with bare messages. What the client sends and
/// sees is JSON text; nothing of the host's own codecs is between.
///
/// Order: events come on one subscription, and a host publishes them on one connection, so a label that is put after
/// something is a mark in the stream of events: what stands before it is all that came of it (events_of). The same
/// holds for replies to one inbox (silent). Threads: the test's own.
#pragma once

#include <gtest/gtest.h>
#include <weft/host.hpp>

#include <boost/json.hpp>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/eventually.hpp"
#include "conformance/lattice_client.hpp"
#include "support/nats_server.hpp"

namespace weft::conformance {

using testing_support::eventually;

namespace json = boost::json;

inline std::string to_text(const json::value& value) { return json::serialize(value); }
/// Null for what is no JSON.
json::value parsed(std::string_view text);

/// The answer to a command.
struct Answer {
  Seen raw;
  json::value json;

  [[nodiscard]] bool success() const;
  [[nodiscard]] std::string message() const;
  [[nodiscard]] bool has_response() const;
  [[nodiscard]] json::value response() const;
  /// Of weft: the operation that goes on after the answer.
  [[nodiscard]] std::string operation() const { return raw.header("Weft-Operation"); }
};

/// One event, as it came.
struct SeenEvent {
  std::string name;  ///< the last token of its subject
  Seen raw;
  json::object envelope;

  [[nodiscard]] json::object data() const;
};

class LatticeTest : public testing::Test {
 protected:
  static constexpr auto kLattice = "conf";

  void SetUp() override;
  void TearDown() override;

  /// What a test changes of it takes effect with up().
  LatticeConfig config_;
  void up();
  void down();
  [[nodiscard]] const std::string& host_id() const { return member_->host_id(); }
  /// "file:///...": a guest of scripts/build_apps.
  static std::string app(const std::string& name);

  [[nodiscard]] static std::string ctl(const std::string& tail);
  /// "component.scale" becomes the subject of this host.
  [[nodiscard]] std::string ours(const std::string& tail) const { return tail + "." + host_id(); }
  Answer ask(const std::string& tail) { return ask_raw(tail, {}); }
  /// A template, so that braces are JSON and never a text.
  Answer ask(const std::string& tail, const std::same_as<std::string> auto& body) { return ask_raw(tail, body); }
  Answer ask(const std::string& tail, const json::object& body) { return ask_raw(tail, to_text(body)); }
  /// Waits until what a command began has ended.
  void finish(const Answer& answer);
  /// The same, and it must have been accepted.
  void carry_out(const std::string& tail, const json::object& body);
  /// Whether a request is answered at all.
  bool silent(const std::string& tail, const std::string& body);
  json::object inventory();

  std::vector<SeenEvent> events_of(const std::function<void()>& act);
  SeenEvent wait_for_event(const std::string& name);
  /// The names of events, "a b c".
  static std::string names(const std::vector<SeenEvent>& events);
  std::vector<SeenEvent> all_events() const;

  json::object scale_command(const std::string& id, const std::string& ref, std::uint64_t count) const;
  void scale(const std::string& id, const std::string& app_name, std::uint64_t count);
  json::object link(const std::string& source, const std::string& target, const std::string& package = "wasi:keyvalue",
                    const std::vector<std::string>& interfaces = {"store"}) const;
  void put_config(const std::string& name, const std::string& body);

  /// http-server under the id "web" on a port of its own.
  void start_web();
  /// "200 body" of the component behind it.
  [[nodiscard]] std::string get(const std::string& target = "/") const;

  std::unique_ptr<test::NatsServer> server_;
  std::unique_ptr<LatticeClient> client_;
  std::shared_ptr<Capture> events_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<LatticeMember> member_;
  std::uint16_t web_port_ = 0;

 private:
  Answer ask_raw(const std::string& tail, const std::string& body);

  int marks_ = 0;
};

/// Members may stand in any order.
testing::AssertionResult same_json(const char* left_text, const char* right_text, const json::value& left,
                                   const json::value& right);
#define EXPECT_JSON_EQ(actual, ...) \
  EXPECT_PRED_FORMAT2(::weft::conformance::same_json, json::value(actual), json::value(__VA_ARGS__))

}  // namespace weft::conformance
