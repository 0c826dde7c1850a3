// SPDX-License-Identifier: Apache-2.0
#include <weft/host.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace weft {
namespace {

using boost::asio::ip::tcp;

std::string app(const std::string& name) { return std::string(std::getenv("WEFT_APPS_DIR")) + "/" + name + ".wasm"; }

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Sends a request that asks to close, and returns all that comes back.
std::string talk(const std::string& address, const std::string& request) {
  const auto colon = address.rfind(':');
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address(address.substr(0, colon)),
                  static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))});
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  return answer;
}

std::string get(const std::string& address, const std::string& path) {
  return talk(address, "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
}

class HostTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Host::create({.shards = 2, .cache_dir = "", .log = {}});
    ASSERT_TRUE(made) << made.error().to_string();
    host = *std::move(made);
  }

  std::shared_ptr<Component> load(const std::string& name, ComponentConfig config = {}) {
    auto loaded = host->load(app(name), std::move(config));
    if (!loaded) {
      ADD_FAILURE() << loaded.error().to_string() << loaded.error().detail();
      return nullptr;
    }
    return *loaded;
  }

  std::unique_ptr<HttpService> serve(const std::shared_ptr<Component>& component) {
    auto served = host->serve(component, {.listen = "127.0.0.1:0"});
    if (!served) {
      ADD_FAILURE() << served.error().to_string();
      return nullptr;
    }
    return *std::move(served);
  }

  std::unique_ptr<Host> host;
};

TEST_F(HostTest, serves_a_component_over_http) {
  const auto service = serve(load("hello-cpp"));
  const auto answer = get(service->address(), "/");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.contains("hello from C++\n")) << answer;
}

TEST_F(HostTest, a_reused_instance_answers_again_and_again) {
  ComponentConfig config;
  config.limits.reuse = 3;
  const auto service = serve(load("hello-c", config));
  for (int request = 0; request < 20; ++request) {
    ASSERT_TRUE(get(service->address(), "/").starts_with("HTTP/1.1 200 "));
  }
}

TEST_F(HostTest, gives_a_body_back_as_it_came) {
  const auto service = serve(load("echo"));
  const std::string body(1 << 20, 'x');
  const auto answer =
      talk(service->address(), "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 200);
  EXPECT_GE(answer.size(), body.size());
}

TEST_F(HostTest, a_guest_that_fails_is_told_apart_by_its_status) {
  const auto service = serve(load("misbehave"));
  EXPECT_TRUE(get(service->address(), "/trap-before").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(get(service->address(), "/no-response").starts_with("HTTP/1.1 502 "));
  EXPECT_TRUE(get(service->address(), "/recurse").starts_with("HTTP/1.1 500 "));
}

TEST_F(HostTest, a_guest_that_spins_or_waits_too_long_is_504) {
  ComponentConfig config;
  config.limits.timeout = std::chrono::milliseconds(200);
  const auto service = serve(load("misbehave", config));
  EXPECT_TRUE(get(service->address(), "/spin").starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(get(service->address(), "/never").starts_with("HTTP/1.1 504 "));
}

TEST_F(HostTest, stops_with_a_spinning_guest_in_flight) {
  const auto service = serve(load("misbehave"));
  const auto address = service->address();
  const auto colon = address.rfind(':');
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address(address.substr(0, colon)),
                  static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))});
  boost::asio::write(socket, boost::asio::buffer(std::string("GET /spin HTTP/1.1\r\nHost: test\r\n\r\n")));
  host->stop();
}

TEST_F(HostTest, two_hosts_in_one_process_do_not_know_each_other) {
  auto made = Host::create({.shards = 1, .cache_dir = "", .log = {}});
  ASSERT_TRUE(made) << made.error().to_string();
  std::unique_ptr<Host> other = *std::move(made);
  const auto theirs = other->load(app("misbehave"), {});
  ASSERT_TRUE(theirs) << theirs.error().to_string();
  const auto their_service = other->serve(*theirs, {.listen = "127.0.0.1:0"});
  ASSERT_TRUE(their_service) << their_service.error().to_string();
  const auto callee = load("values-callee");
  const auto service = serve(load("hello-c"));

  EXPECT_TRUE(get((*their_service)->address(), "/trap-before").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(get(service->address(), "/").contains("hello from C\n"));
  other->stop();
  EXPECT_TRUE(get(service->address(), "/").contains("hello from C\n"));
  EXPECT_EQ(*host->call(*callee, "weft:values/echo#echo-u8", {"7"}, ValueFormat::wave), "7");
}

TEST_F(HostTest, refuses_what_is_not_a_component) {
  const auto garbage = host->load_bytes("not wasm at all", {});
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code(), Errc::malformed);
  const auto core = host->load_bytes(std::string("\0asm\1\0\0\0", 8), {});
  ASSERT_FALSE(core);
  EXPECT_FALSE(core.error().hint().empty());
  const auto whole = read_whole(app("hello-c"));
  for (const std::size_t kept : {std::size_t{9}, whole.size() / 3, whole.size() - 1}) {
    EXPECT_FALSE(host->load_bytes(std::string_view(whole).substr(0, kept), {})) << kept;
  }
  EXPECT_EQ(host->load("/nowhere/at/all.wasm", {}).error().code(), Errc::not_found);
}

TEST_F(HostTest, refuses_by_name_an_import_that_nobody_provides) {
  const auto refused = host->load(app("values-caller"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::not_granted);
  EXPECT_NE(refused.error().message().find("weft:values/"), std::string::npos) << refused.error().message();
}

TEST_F(HostTest, a_port_in_use_is_an_error) {
  const auto component = load("hello-c");
  const auto service = serve(component);
  const auto second = host->serve(component, {.listen = service->address()});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find(service->address()), std::string::npos) << second.error().message();
}

TEST(HostCacheTest, a_damaged_artifact_is_compiled_anew) {
  const auto dir = std::filesystem::path(testing::TempDir()) / ("artifacts-" + std::to_string(::getpid()));
  std::filesystem::remove_all(dir);
  const auto load = [&] {
    auto host = Host::create({.shards = 1, .cache_dir = dir.string(), .log = {}});
    auto component = (*host)->load(app("hello-c"), {});
    EXPECT_TRUE(component);
    return component && (*component)->was_cached();
  };
  EXPECT_FALSE(load());
  EXPECT_TRUE(load());
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() == ".cwasm") {
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(4096);
      file.put('\x42').put('\x43').put('\x44');
    }
  }
  EXPECT_FALSE(load());
  EXPECT_TRUE(load());
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() == ".cwasm") {
      std::filesystem::resize_file(entry.path(), 100);
    }
  }
  EXPECT_FALSE(load());
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace weft
