// SPDX-License-Identifier: Apache-2.0
// What a host answers when it is asked about itself, and its pages for machines that watch it.
#include <boost/json.hpp>

#include "host/metrics_check.hpp"
#include "host/node_fixture.hpp"
#include "host/question_body.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using test::MetricsCheck;
using test::sample;

class QuestionsTest : public test::NodeTest {
 protected:
  void change(LatticeConfig& config) override {
    config.metrics_listen = "127.0.0.1:0";
    config.admin_listen = "127.0.0.1:0";
  }

  Result<std::string> ask(const std::string& question, const std::string& body = {}) {
    return run(client_->ask(member_->host_id(), question, body, 20s));
  }
  json::value answer(const std::string& question, const std::string& body = {}) {
    const auto answered = ask(question, body);
    EXPECT_TRUE(answered) << question << ": " << answered.error().to_string();
    return answered ? json::parse(*answered) : json::value();
  }
  /// Why a call fails.
  std::string failure(const CallQuestion& question) {
    const auto answered = ask("call", encode(question));
    return answered ? "(no failure) " + *answered : answered.error().message();
  }
  std::string metrics() { return std::string(answer("metrics").as_string()); }

  /// The port of the pages that status tells under `member`.
  std::uint16_t port(const char* member) {
    const auto address = std::string(answer("status").at(member).as_string());
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  static std::string request(std::uint16_t port, const std::string& line) {
    web::test::Client client(port);
    client.send(line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return client.receive_all();
  }
};

TEST_F(QuestionsTest, status_says_who_the_host_is_and_how_it_does) {
  start("hello", "hello-c");
  const auto status = answer("status");
  EXPECT_EQ(status.at("id").as_string(), member_->host_id());
  EXPECT_EQ(status.at("name").as_string(), member_->friendly_name());
  EXPECT_EQ(status.at("lattice").as_string(), "default");
  EXPECT_EQ(status.at("version").as_string(), weft_version());
  EXPECT_EQ(status.at("bus").at("state").as_string(), "connected");
  EXPECT_EQ(status.at("data_dir").as_string(), folder_.file("data"));
  EXPECT_EQ(status.at("components").to_number<int>(), 1);
  EXPECT_EQ(status.at("providers").to_number<int>(), 0);
  EXPECT_EQ(status.at("pid").to_number<int>(), ::getpid());
  EXPECT_GT(status.at("memory_bytes").to_number<std::uint64_t>(), 1U << 20);
  EXPECT_TRUE(status.at("ready").as_bool());
  EXPECT_TRUE(status.at("pooling").is_bool());
}

TEST_F(QuestionsTest, a_call_answers_in_the_format_it_was_made_in) {
  start("values", "values-callee");
  const auto wave = answer(
      "call",
      encode(CallQuestion{"values", "weft:values/echo#echo-list-string", {R"(["a", "b\"c"])"}, ValueFormat::wave}));
  EXPECT_EQ(wave.at("result").as_string(), R"(["a", "b\"c"])");
  EXPECT_GT(wave.at("stats").at("peak_memory_bytes").to_number<std::uint64_t>(), 0U) << wave;
  EXPECT_GT(wave.at("stats").at("elapsed_ms").to_number<double>(), 0);
  const auto as_json = answer(
      "call", encode(CallQuestion{"values", "weft:values/echo#echo-tuple3", {R"([1,"x",2.5])"}, ValueFormat::json}));
  EXPECT_EQ(as_json.at("result"), json::parse(R"([1,"x",2.5])")) << as_json;
  const auto nothing =
      answer("call", encode(CallQuestion{"values", "weft:values/echo#nothing", {}, ValueFormat::wave}));
  EXPECT_FALSE(nothing.as_object().contains("result")) << nothing;
}

TEST_F(QuestionsTest, a_call_goes_over_the_links_of_its_component) {
  start("callee", "values-callee");
  start("caller", "values-caller");
  const CallQuestion question{"caller", "weft:values/drive#run-values", {}, ValueFormat::wave};
  EXPECT_NE(failure(question).find("link"), std::string::npos) << failure(question);
  link("caller", "callee", "weft:values", {"echo", "counters"});
  const auto called = answer("call", encode(question));
  EXPECT_EQ(called.at("result").as_string(), "ok") << called;
  EXPECT_GT(called.at("stats").at("host_calls").to_number<int>(), 10);
  EXPECT_GT(sample(metrics(), R"(weft_calls_total{component="callee",interface="weft:values/echo"})"), 10) << metrics();
}

TEST_F(QuestionsTest, a_call_that_cannot_be_made_says_why) {
  start("values", "values-callee");
  EXPECT_NE(failure({"ghost", "f", {}, ValueFormat::wave}).find("\"ghost\" does not run"), std::string::npos);
  EXPECT_NE(failure({"values", "weft:values/echo#no-such", {}, ValueFormat::wave}).find("no-such"), std::string::npos);
  EXPECT_NE(failure({"values", "weft:values/echo#echo-u8", {"300"}, ValueFormat::wave}).find("u8"), std::string::npos)
      << failure({"values", "weft:values/echo#echo-u8", {"300"}, ValueFormat::wave});
  const auto malformed = ask("call", R"({"component":"values"})");
  ASSERT_FALSE(malformed);
  EXPECT_NE(malformed.error().message().find("\"function\""), std::string::npos);
  const auto unknown = ask("nonsense");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("'nonsense'"), std::string::npos);
}

TEST_F(QuestionsTest, components_tell_their_calls_and_how_long_they_took) {
  start("values", "values-callee");
  for (int round = 0; round < 3; ++round) {
    answer("call", encode(CallQuestion{"values", "weft:values/echo#echo-u8", {"7"}, ValueFormat::wave}));
  }
  const auto list = answer("components");
  ASSERT_EQ(list.as_array().size(), 1U);
  const auto& values = list.at(0);
  EXPECT_EQ(values.at("id").as_string(), "values");
  EXPECT_EQ(values.at("running").to_number<int>(), 0);
  EXPECT_EQ(values.at("max").to_number<int>(), 10);
  EXPECT_EQ(values.at("calls").to_number<int>(), 3);
  EXPECT_EQ(values.at("errors").to_number<int>(), 0);
  const auto& interface = values.at("interfaces").at(0);
  EXPECT_EQ(interface.at("interface").as_string(), "weft:values/echo");
  EXPECT_GT(interface.at("p50_ms").to_number<double>(), 0);
  EXPECT_GE(interface.at("p99_ms").to_number<double>(), interface.at("p50_ms").to_number<double>());
}

TEST_F(QuestionsTest, a_component_names_its_configurations) {
  ASSERT_TRUE(run(client_->put_config("colours", {{"a", "b"}})));
  auto command = scale("hello", test::app("hello-c"), 1);
  command.config = {"colours"};
  ASSERT_EQ(outcome(run(client_->scale(command))).state, lattice::OperationState::done);
  EXPECT_EQ(answer("component-config", "hello"), json::parse(R"(["colours"])"));
  EXPECT_FALSE(ask("component-config", "ghost"));
}

TEST_F(QuestionsTest, logs_go_on_where_they_were_left) {
  start("misbehave", "misbehave");
  const auto port = start_web();
  link("web", "misbehave", "wasi:http", {"incoming-handler"});
  ASSERT_EQ(get(port, "/log?lines=5").substr(0, 3), "200");
  const auto by_name = answer("logs", "misbehave").as_array();
  ASSERT_GE(by_name.size(), 5U);
  const auto all = answer("logs", encode(LogsQuestion{.component = "misbehave"})).as_array();
  ASSERT_EQ(all, by_name);
  const auto third = all[2].at("number").to_number<std::uint64_t>();
  const auto rest = answer("logs", encode(LogsQuestion{.component = "misbehave", .after = third})).as_array();
  ASSERT_EQ(rest.size(), all.size() - 3);
  EXPECT_EQ(rest[0], all[3]);
  const auto last = answer("logs", encode(LogsQuestion{.component = "misbehave", .limit = 1})).as_array();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0], all.back());
}

TEST_F(QuestionsTest, metrics_count_requests_calls_and_commands) {
  const auto port = start_web();
  start("misbehave", "misbehave");
  link("web", "misbehave", "wasi:http", {"incoming-handler"});
  EXPECT_EQ(get(port, "/status?code=204").substr(0, 3), "204");
  EXPECT_EQ(get(port, "/trap-before").substr(0, 3), "500");
  auto broken = scale("ghost", "file:///nowhere.wasm", 1);
  EXPECT_EQ(outcome(run(client_->scale(broken))).state, lattice::OperationState::failed);
  std::string page;
  const std::string http = R"({component="misbehave",interface="wasi:http/incoming-handler@)";
  std::string calls;
  // A guest may end after its answer has been read.
  for (const auto deadline = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < deadline;) {
    page = metrics();
    const auto at = page.find("weft_calls_total" + http);
    ASSERT_NE(at, std::string::npos) << page;
    calls = page.substr(at, page.find(' ', at) - at);
    if (sample(page, calls) == 2) break;
  }
  EXPECT_EQ(sample(page, calls), 2) << page;
  EXPECT_EQ(sample(page, "weft_call_errors_total" + calls.substr(calls.find('{'))), 1) << page;
  EXPECT_EQ(MetricsCheck::complaints(page), "");
  EXPECT_GE(sample(page, R"(weft_operations_total{kind="component.scale",result="done"})"), 1) << page;
  EXPECT_EQ(sample(page, R"(weft_operations_total{kind="component.scale",result="failed"})"), 1) << page;
  EXPECT_EQ(sample(page, R"(weft_node_ready{node="components/misbehave",kind="component"})"), 1) << page;
  EXPECT_EQ(sample(page, "weft_exceptions_total"), 0);
  EXPECT_EQ(sample(page, "weft_providers"), 1);
  EXPECT_EQ(sample(page, "weft_links"), 1);
}

TEST_F(QuestionsTest, all_configurations_are_listed) {
  EXPECT_EQ(answer("configs"), json::array());
  ASSERT_TRUE(run(client_->put_config("shop", {{"a", "b"}})));
  EXPECT_EQ(answer("configs"), (json::array{"shop"}));
}

TEST_F(QuestionsTest, metrics_count_what_goes_over_links) {
  const auto port = start_web();
  start("front", "relay-http");
  start("back", "relay");
  link("web", "front", "wasi:http", {"incoming-handler"});
  link("front", "back", "weft:relay", {"relay"});
  EXPECT_EQ(get(port, "/say_hello"), "200 hello");
  EXPECT_EQ(get(port, "/trap").substr(0, 3), "500");
  const auto labels = [](const std::string& source, const std::string& interface, const std::string& target) {
    return R"({source=")" + source + R"(",link="default",interface=")" + interface + R"(",target=")" + target + R"("})";
  };
  const auto sites = labels("web", "wasi:http/incoming-handler", "front");
  const auto calls = labels("front", "weft:relay/relay", "back");
  std::string page;
  // A request is over a moment after its answer has been read.
  for (const auto deadline = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < deadline;) {
    page = metrics();
    if (sample(page, "weft_link_calls_total" + sites) == 2) break;
  }
  EXPECT_EQ(sample(page, "weft_link_calls_total" + sites), 2) << page;
  EXPECT_EQ(sample(page, "weft_link_call_errors_total" + sites), 1) << page;
  EXPECT_EQ(sample(page, "weft_link_calls_total" + calls), 2) << page;
  EXPECT_EQ(sample(page, "weft_link_call_errors_total" + calls), 1) << page;
  EXPECT_EQ(sample(page, "weft_link_call_duration_seconds_count" + calls), 2) << page;
  EXPECT_EQ(MetricsCheck::complaints(page), "");
}

TEST_F(QuestionsTest, metrics_are_served_over_http) {
  start("hello", "hello-c");
  const auto answered = request(port("metrics"), "GET /metrics");
  EXPECT_TRUE(answered.starts_with("HTTP/1.1 200 ")) << answered;
  EXPECT_NE(answered.find("text/plain; version=0.0.4"), std::string::npos) << answered;
  EXPECT_NE(answered.find("\nweft_instances_limit{component=\"hello\"} 10\n"), std::string::npos) << answered;
  EXPECT_EQ(get(port("metrics"), "/livez").substr(0, 3), "200") << "one address has all the pages that it was given";
}

TEST_F(QuestionsTest, the_admin_pages_answer_as_they_do_elsewhere) {
  const auto admin = port("admin");
  EXPECT_EQ(get(admin, "/livez"), R"(200 {"status":"ok"})");
  EXPECT_EQ(get(admin, "/readyz"), R"(200 {"status":"ok"})");
  const auto head = request(admin, "HEAD /readyz");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_EQ(get(admin, "/nothing").substr(0, 3), "404");
  const auto post = request(admin, "POST /livez");
  EXPECT_TRUE(post.starts_with("HTTP/1.1 405 ")) << post;
  EXPECT_NE(post.find("GET, HEAD"), std::string::npos) << post;
}

TEST_F(QuestionsTest, a_host_that_cannot_serve_its_pages_does_not_start) {
  LatticeConfig config;
  config.metrics_listen = "not an address";
  const auto member = host_->join(config);
  ASSERT_FALSE(member);
  EXPECT_NE(member.error().to_string().find("not an address"), std::string::npos) << member.error().to_string();
}

}  // namespace
}  // namespace weft::host
