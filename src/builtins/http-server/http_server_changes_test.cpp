// SPDX-License-Identifier: Apache-2.0
// What changes while http-server runs: links, components, its configuration; what is refused; how it stops.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "base/eventually.hpp"
#include "builtins/http-server/http_server.hpp"
#include "builtins/http-server/http_server_fixture.hpp"

namespace weft::builtins::test {
namespace {

/// A GET whose answer has not come yet.
Client begin(std::uint16_t port, std::string_view target) {
  Client client(port);
  EXPECT_TRUE(client.send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target)));
  return client;
}

bool can_connect(std::uint16_t port) { return Client(port).is_connected(); }

TEST_F(HttpServerTest, a_request_ends_at_the_component_it_began_with) {
  start("path");
  serve("shop", {{"path", "/"}});
  auto old = begin(port(), "/?hold");
  ASSERT_TRUE(gate_.wait_for(1));
  route("default", "shop", "the new one");
  EXPECT_EQ(body_of(get("/")), "the new one localhost /");
  gate_.open("the old one");
  EXPECT_EQ(body_of(old.receive_all()), "the old one");
}

TEST_F(HttpServerTest, a_link_that_moves_or_goes_does_so_from_the_next_request_on) {
  start("path");
  serve("shop", {{"path", "/old"}});
  auto running = begin(port(), "/old?hold");
  ASSERT_TRUE(gate_.wait_for(1));
  ASSERT_TRUE(provider_->put_link(link_to("shop", {{"path", "/new"}})));
  EXPECT_EQ(status_of(get("/old")), "404");
  EXPECT_EQ(status_of(get("/new")), "200");
  provider_->delete_link(link_to("shop", {}));
  provider_->delete_link(link_to("shop", {}));
  EXPECT_EQ(status_of(get("/new")), "404");
  gate_.open("done");
  EXPECT_EQ(body_of(running.receive_all()), "done");
}

TEST_F(HttpServerTest, a_place_of_another_component_is_refused_by_name) {
  start("path");
  serve("shop", {{"path", "/a"}});
  const auto taken = provider_->put_link(link_to("blog", {{"path", "/a"}}, "second"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Errc::already_exists);
  EXPECT_EQ(
      taken.error().message(),
      "link \"second\" from \"web\" to \"blog\": path \"/a\" is taken by link \"default\" from \"web\" to \"shop\"");
  EXPECT_EQ(body_of(get("/a")), "shop localhost /a");
  EXPECT_TRUE(provider_->put_link(link_to("shop", {{"path", "/a"}}, "third")))
      << "the same component may have it twice";
  provider_->delete_link(link_to("shop", {}));
  provider_->delete_link(link_to("shop", {}, "third"));
  EXPECT_TRUE(provider_->put_link(link_to("blog", {{"path", "/a"}}, "second")));
}

TEST_F(HttpServerTest, a_change_that_is_refused_leaves_the_link_as_it_was) {
  start("path");
  serve("shop", {{"path", "/a"}}, "a");
  serve("blog", {{"path", "/b"}}, "b");
  EXPECT_FALSE(provider_->put_link(link_to("blog", {{"path", "/a"}}, "b")));
  EXPECT_FALSE(provider_->put_link(link_to("blog", {{"path", "no slash"}}, "b")));
  EXPECT_EQ(body_of(get("/b")), "blog localhost /b");
}

TEST_F(HttpServerTest, an_address_of_another_link_is_refused_by_name) {
  start("address");
  serve("shop", {});
  const auto address = provider_->addresses().at(0);
  for (const auto& wanted : {address, fmt::format("0.0.0.0:{}", port())}) {
    const auto taken = provider_->put_link(link_to("blog", {{"address", wanted}}, "second"));
    ASSERT_FALSE(taken) << wanted;
    EXPECT_EQ(taken.error().code(), Errc::already_exists);
    EXPECT_EQ(taken.error().message(),
              fmt::format("link \"second\" from \"web\" to \"blog\": the address {} is taken by link \"default\" from "
                          "\"web\" to \"shop\", which listens at {}",
                          wanted, address));
  }
  EXPECT_EQ(provider_->addresses().size(), 1);
}

TEST_F(HttpServerTest, two_providers_cannot_have_one_address) {
  start("path");
  const auto address = provider_->addresses().at(0);
  const auto second = make({{"routing_mode", "path"}, {"default_address", address}}, "other");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::io);
  EXPECT_TRUE(second.error().message().contains(address)) << second.error().to_string();
  EXPECT_TRUE(second.error().hint().contains("choose another address")) << second.error().to_string();
  const auto other = make({{"default_address", address}}, "web");
  ASSERT_TRUE(other) << "in address mode nothing listens before a link comes";
  const auto put = (*other)->put_link(link_to("shop", {}));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Errc::io);
}

TEST_F(HttpServerTest, a_link_in_address_mode_changes_its_settings_in_place_and_its_address_by_moving) {
  start("address");
  serve("shop", {{"address", "127.0.0.1:0"}});
  const auto before = provider_->addresses();
  Client kept(port());
  ASSERT_TRUE(provider_->put_link(link_to("shop", {{"address", "127.0.0.1:0"}, {"readonly_mode", "true"}})));
  EXPECT_EQ(provider_->addresses(), before);
  ASSERT_TRUE(kept.send(request("POST", "/")));
  EXPECT_EQ(status_of(kept.receive_all()), "405");
  const auto limits = provider_->put_link(link_to("shop", {{"address", "127.0.0.1:0"}, {"max_body_bytes", "1"}}));
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().code(), Errc::unsupported);
  const auto old_port = port();
  ASSERT_TRUE(provider_->put_link(link_to("shop", {{"address", "localhost:0"}})));
  ASSERT_EQ(provider_->addresses().size(), 1);
  EXPECT_NE(port(), old_port);
  EXPECT_FALSE(can_connect(old_port));
  EXPECT_EQ(status_of(get("/")), "200");
}

TEST_F(HttpServerTest, the_port_of_a_deleted_link_is_free_at_once) {
  start("address");
  serve("shop", {});
  const auto address = provider_->addresses().at(0);
  ASSERT_EQ(status_of(get("/")), "200");
  provider_->delete_link(link_to("shop", {}));
  EXPECT_TRUE(provider_->addresses().empty());
  EXPECT_FALSE(can_connect(port_of(address)));
  serve("blog", {{"address", address}}, "second");
  EXPECT_EQ(body_of(get("/")), "blog localhost /");
}

TEST_F(HttpServerTest, links_that_are_none_of_its_own_are_refused) {
  start("path");
  auto reversed = link_to("shop", {{"path", "/"}});
  std::swap(reversed.source, reversed.target);
  EXPECT_EQ(provider_->put_link(reversed).error().code(), Errc::invalid_argument);
  auto other = link_to("shop", {{"path", "/"}});
  other.wit_package = "keyvalue";
  const auto refused = provider_->put_link(other);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message().contains("wasi:http/incoming-handler")) << refused.error().message();
  provider_->delete_link(reversed);
}

TEST_F(HttpServerTest, its_configuration_changes_while_it_runs_where_it_can) {
  start("host");
  serve("shop", {{"host", "shop.test"}});
  const ConfigMap fixed = {{"routing_mode", "host"}, {"default_address", "127.0.0.1:0"}};
  auto next = fixed;
  next.emplace("header", "x-site");
  next.emplace("cache_control", "no-store");
  ASSERT_TRUE(provider_->update_config(next));
  const auto answer = get("/", "x-site: shop.test\r\n");
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_TRUE(answer.contains("cache-control: no-store\r\n")) << answer;
  struct Case {
    std::string key, value;
    Errc code;
  };
  for (const auto& [key, value, code] :
       {Case{"routing_mode", "path", Errc::unsupported}, Case{"default_address", "127.0.0.1:1", Errc::unsupported},
        Case{"max_connections", "7", Errc::unsupported}, Case{"timeout_ms", "soon", Errc::invalid_argument}}) {
    auto wrong = fixed;
    wrong.insert_or_assign(key, value);
    const auto refused = provider_->update_config(wrong);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code(), code) << key;
  }
  EXPECT_EQ(status_of(get("/", "x-site: shop.test\r\n")), "200") << "all stays as it was";
}

TEST_F(HttpServerTest, stopping_lets_requests_end_and_gives_up_its_ports) {
  start("path");
  serve("shop", {{"path", "/"}});
  const auto address = provider_->addresses().at(0);
  auto running = begin(port(), "/?hold");
  ASSERT_TRUE(gate_.wait_for(1));
  std::thread stopper([this] { provider_->stop(kPatience); });
  EXPECT_TRUE(testing_support::eventually([&] { return !can_connect(port_of(address)); }));
  gate_.open("done");
  EXPECT_EQ(body_of(running.receive_all()), "done");
  stopper.join();
  EXPECT_TRUE(provider_->addresses().empty());
  EXPECT_EQ(provider_->put_link(link_to("shop", {{"path", "/"}})).error().code(), Errc::unavailable);
  EXPECT_EQ(provider_->update_config({}).error().code(), Errc::unavailable);
  provider_->delete_link(link_to("shop", {}));
  EXPECT_TRUE(make({{"routing_mode", "path"}, {"default_address", address}}));
}

TEST_F(HttpServerTest, while_one_port_is_waited_for_the_others_refuse_new_requests) {
  start("address");
  serve("blog", {}, "a");
  serve("shop", {}, "b");
  auto running = begin(port(0), "/?hold");
  ASSERT_TRUE(gate_.wait_for(1));
  const auto other = port(1);
  std::thread stopper([this] { provider_->stop(kPatience); });
  std::string answer;
  EXPECT_TRUE(testing_support::eventually([&] {
    answer = talk(request("GET", "/"), other);
    return status_of(answer) == "503";
  }));
  EXPECT_EQ(body_of(answer), "this server is stopping\n");
  gate_.open("done");
  EXPECT_EQ(body_of(running.receive_all()), "done");
  stopper.join();
}

TEST_F(HttpServerTest, stopping_cancels_what_takes_longer_than_the_grace) {
  start("address");
  serve("shop", {}, "a");
  serve("blog", {}, "b");
  auto first = begin(port(0), "/?hold");
  auto second = begin(port(1), "/?hold");
  ASSERT_TRUE(gate_.wait_for(2));
  provider_->stop(50ms);
  EXPECT_TRUE(gate_.wait_for(0, 2));
  EXPECT_EQ(first.receive_all(), "");
  EXPECT_EQ(second.receive_all(), "");
}

TEST_F(HttpServerTest, changes_while_requests_run_lose_none) {
  start("path");
  serve("shop", {{"path", "/"}});
  std::atomic<bool> over = false;
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&, at = port()] {
      Client client(at);
      while (!over) {
        if (!client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) break;
        if (!client.receive_until("localhost /").starts_with("HTTP/1.1 200 OK")) break;
        ++answered;
      }
    });
  }
  for (int round = 0; round < 100 || answered < 100; ++round) {
    const auto name = fmt::format("extra-{}", round % 10);
    const auto other = link_to(name, {{"path", "/" + name}}, name);
    ASSERT_TRUE(provider_->put_link(other));
    if (round % 10 == 0) route("default", "shop", fmt::format("shop-{}", round));
    if (round % 2 == 1) provider_->delete_link(other);
    ASSERT_LT(round, 1'000'000);
  }
  over = true;
  for (auto& client : clients) client.join();
  EXPECT_GE(answered, 100);
}

}  // namespace
}  // namespace weft::builtins::test
