// SPDX-License-Identifier: Apache-2.0
#include "conformance/lattice_fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/free_port.hpp"
#include "web/http1_fixture.hpp"

namespace weft::conformance {
namespace {

using namespace std::chrono_literals;

SeenEvent to_event(const Seen& raw) {
  SeenEvent event{.name = raw.subject.substr(raw.subject.rfind('.') + 1), .raw = raw, .envelope = {}};
  if (const auto value = parsed(raw.payload); value.is_object()) {
    event.envelope = value.as_object();
  }
  return event;
}

}  // namespace

json::value parsed(std::string_view text) {
  boost::system::error_code fault;
  auto value = json::parse({text.data(), text.size()}, fault);
  return fault ? json::value() : value;
}

testing::AssertionResult same_json(const char* left_text, const char* /*right_text*/, const json::value& left,
                                   const json::value& right) {
  if (left == right) return testing::AssertionSuccess();
  return testing::AssertionFailure() << left_text << "\nis       " << to_text(left) << "\nand not  " << to_text(right);
}

bool Answer::success() const {
  return json.is_object() && json.as_object().contains("success") && json.at("success").is_bool() &&
         json.at("success").as_bool();
}

std::string Answer::message() const {
  return json.is_object() && json.as_object().contains("message") ? std::string(json.at("message").as_string()) : "?";
}

bool Answer::has_response() const { return json.is_object() && json.as_object().contains("response"); }

json::value Answer::response() const { return has_response() ? json.at("response") : json::value(); }

json::object SeenEvent::data() const {
  const auto* data = envelope.if_contains("data");
  return data != nullptr && data->is_object() ? data->as_object() : json::object();
}

void LatticeTest::SetUp() {
  server_ = test::NatsServer::start();
  if (!server_) GTEST_SKIP() << test::NatsServer::why_not();
  client_ = LatticeClient::connect(server_->url());
  ASSERT_NE(client_, nullptr);
  events_ = client_->listen(std::string("wasmbus.evt.") + kLattice + ".>");
  HostConfig config;
  config.shards = 2;
  config.cache_dir = (std::filesystem::temp_directory_path() / "weft-conformance-artifacts").string();
  auto host = Host::create(std::move(config));
  ASSERT_TRUE(host) << host.error().to_string();
  host_ = *std::move(host);
  config_.lattice = kLattice;
  config_.allow_file_load = true;
  config_.nats = NatsConfig{};
  config_.nats->urls = {server_->url()};
}

void LatticeTest::TearDown() {
  down();
  host_.reset();
  client_.reset();
}

void LatticeTest::up() {
  auto member = host_->join(config_);
  ASSERT_TRUE(member) << member.error().to_string();
  member_ = *std::move(member);
  if (config_.nats->urls.front() == server_->url()) {
    events_->wait_until(
        [this](const auto& seen) {
          return std::ranges::any_of(seen, [this](const Seen& event) {
            return event.subject.ends_with(".host_started") && event.payload.find(host_id()) != std::string::npos;
          });
        },
        "host_started");
  }
}

void LatticeTest::down() {
  if (member_) {
    member_->stop(2s);
  }
  member_.reset();
}

std::string LatticeTest::app(const std::string& name) {
  const char* folder = std::getenv("WEFT_APPS_DIR");
  const auto path = std::string(folder == nullptr ? "build/apps" : folder) + "/" + name + ".wasm";
  return "file://" + std::filesystem::absolute(path).string();
}

std::string LatticeTest::ctl(const std::string& tail) { return std::string("wasmbus.ctl.v1.") + kLattice + "." + tail; }

Answer LatticeTest::ask_raw(const std::string& tail, const std::string& body) {
  auto seen = client_->request(ctl(tail), body);
  if (!seen) {
    ADD_FAILURE() << "no answer to " << tail;
    return {};
  }
  Answer answer{.raw = *std::move(seen), .json = {}};
  answer.json = parsed(answer.raw.payload);
  return answer;
}

void LatticeTest::finish(const Answer& answer) {
  const auto operation = answer.operation();
  ASSERT_FALSE(operation.empty()) << answer.raw.payload;
  const auto subject = std::string("weft.ctl.") + kLattice + "." + host_id() + ".ops-wait";
  const auto ended = client_->request(subject, to_text(json::object{{"id", operation}}), 40s);
  ASSERT_TRUE(ended) << operation;
}

void LatticeTest::carry_out(const std::string& tail, const json::object& body) {
  const auto answer = ask(tail, body);
  ASSERT_TRUE(answer.success()) << answer.raw.payload;
  finish(answer);
}

bool LatticeTest::silent(const std::string& tail, const std::string& body) {
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  EXPECT_TRUE(client_->publish(ctl(tail), body, inbox));
  EXPECT_TRUE(client_->publish(ctl("host.ping"), "", inbox));
  const auto first = replies->wait_for(1);
  return !first.empty() && parsed(first.front().payload).at("response").as_object().contains("ctl_host");
}

json::object LatticeTest::inventory() {
  const auto answer = ask(ours("host.get"));
  return answer.response().is_object() ? answer.response().as_object() : json::object();
}

std::vector<SeenEvent> LatticeTest::events_of(const std::function<void()>& act) {
  const auto begin = events_->size();
  act();
  const auto mark = "mark-" + std::to_string(++marks_);
  EXPECT_TRUE(ask(ours("label.put"), json::object{{"key", mark}, {"value", ""}}).success());
  const auto is_label = [](const Seen& seen) { return seen.subject.ends_with(".labels_changed"); };
  const auto is_mark = [&](const Seen& seen) {
    return is_label(seen) && seen.payload.find('"' + mark + '"') != std::string::npos;
  };
  const auto all = events_->wait_until([&](const auto& seen) { return std::ranges::any_of(seen, is_mark); }, mark);
  std::vector<SeenEvent> events;
  for (auto index = begin; index < all.size() && !is_mark(all[index]); ++index) {
    events.push_back(to_event(all[index]));
  }
  carry_out(ours("label.del"), {{"key", mark}});
  events_->wait_until(
      [&](const auto& seen) { return std::ranges::any_of(std::views::drop(seen, std::ssize(all)), is_label); },
      "the end of " + mark);
  return events;
}

SeenEvent LatticeTest::wait_for_event(const std::string& name) {
  const auto is_it = [&name](const Seen& seen) { return seen.subject.ends_with("." + name); };
  const auto all = events_->wait_until([&](const auto& seen) { return std::ranges::any_of(seen, is_it); }, name);
  const auto found = std::ranges::find_if(all, is_it);
  return found == all.end() ? SeenEvent{} : to_event(*found);
}

std::string LatticeTest::names(const std::vector<SeenEvent>& events) {
  std::string text;
  for (const auto& event : events) {
    text += (text.empty() ? "" : " ") + event.name;
  }
  return text;
}

std::vector<SeenEvent> LatticeTest::all_events() const {
  std::vector<SeenEvent> events;
  for (const auto& seen : events_->now()) {
    events.push_back(to_event(seen));
  }
  return events;
}

json::object LatticeTest::scale_command(const std::string& id, const std::string& ref, std::uint64_t count) const {
  return {{"component_ref", ref}, {"component_id", id}, {"count", count}, {"host_id", host_id()}};
}

void LatticeTest::scale(const std::string& id, const std::string& app_name, std::uint64_t count) {
  carry_out(ours("component.scale"), scale_command(id, app(app_name), count));
}

json::object LatticeTest::link(const std::string& source, const std::string& target, const std::string& package,
                               const std::vector<std::string>& interfaces) const {
  const auto colon = package.find(':');
  return {{"source_id", source},
          {"target", target},
          {"name", "default"},
          {"wit_namespace", package.substr(0, colon)},
          {"wit_package", package.substr(colon + 1)},
          {"interfaces", json::array(interfaces.begin(), interfaces.end())},
          {"source_config", json::array()},
          {"target_config", json::array()}};
}

void LatticeTest::put_config(const std::string& name, const std::string& body) {
  const auto answer = ask("config.put." + name, body);
  ASSERT_TRUE(answer.success()) << answer.raw.payload;
}

void LatticeTest::start_web() {
  web_port_ = testing_support::free_port();
  put_config("web", to_text(json::object{{"default_address", "127.0.0.1:" + std::to_string(web_port_)}}));
  carry_out(
      ours("provider.start"),
      {{"provider_id", "web"}, {"provider_ref", "wasmcloud+builtin://http-server"}, {"config", json::array{"web"}}});
}

std::string LatticeTest::get(const std::string& target) const {
  web::test::Client client(web_port_);
  // An answer to HTTP/1.0 comes without chunks, whatever the server knows of its length by then.
  client.send("GET " + target + " HTTP/1.0\r\nHost: a\r\n\r\n");
  const auto answer = client.receive_all();
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? answer : answer.substr(9, 3) + " " + answer.substr(body + 4);
}

}  // namespace weft::conformance
