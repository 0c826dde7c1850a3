// SPDX-License-Identifier: Apache-2.0
#include "guest/import_table.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "guest/guest_bytes.hpp"

namespace weft::guest {
namespace {

TEST(ImportTableTest, an_interface_of_anybody_goes_over_its_link_as_it_is) {
  const auto rule = import_rule("acme:shop/cart@1.2.0", "[method]cart.add");
  EXPECT_EQ(rule.kind, ImportKind::call);
  EXPECT_EQ(rule.link_key, "acme:shop/cart");
  EXPECT_EQ(rule.interface, "acme:shop/cart@1.2.0");
  EXPECT_EQ(rule.function, "[method]cart.add");
  EXPECT_EQ(import_rule("acme:shop/cart", "total").interface, "acme:shop/cart");
  EXPECT_EQ(import_rule("acme:shop/cart", "[resource-drop]cart").kind, ImportKind::drop);
  EXPECT_EQ(import_rule("wasmcloud:messaging/consumer@0.2.0", "publish").interface,
            "wasmcloud:messaging/consumer@0.2.0");
}

TEST(ImportTableTest, buckets_of_keyvalue_are_local_and_their_methods_are_not) {
  EXPECT_EQ(import_rule("wasi:keyvalue/store@0.2.0-draft", "open").kind, ImportKind::some_of_same);
  EXPECT_EQ(import_rule("wasi:keyvalue/store@0.2.0-draft", "[resource-drop]bucket").kind, ImportKind::nothing);
  const auto get = import_rule("wasi:keyvalue/store@0.2.0-draft", "[method]bucket.get");
  EXPECT_EQ(get.kind, ImportKind::call);
  EXPECT_EQ(get.link_key, "wasi:keyvalue/store");
  EXPECT_EQ(get.interface, "wrpc:keyvalue/store@0.2.0-draft");
  EXPECT_EQ(get.function, "get");
  EXPECT_EQ(import_rule("wasi:keyvalue/store@0.2.0-draft", "[method]bucket.list-keys").function, "list-keys");
  const auto increment = import_rule("wasi:keyvalue/atomics@0.2.0-draft", "increment");
  EXPECT_EQ(increment.link_key, "wasi:keyvalue/atomics");
  EXPECT_EQ(increment.interface, "wrpc:keyvalue/atomics@0.2.0-draft");
  EXPECT_EQ(increment.function, "increment");
  EXPECT_EQ(import_rule("wasi:keyvalue/batch@0.2.0-draft", "get-many").interface, "wrpc:keyvalue/batch@0.2.0-draft");
}

TEST(ImportTableTest, another_version_of_keyvalue_is_an_interface_of_anybody) {
  const auto get = import_rule("wasi:keyvalue/store@0.2.0-draft2", "[method]bucket.get");
  EXPECT_EQ(get.interface, "wasi:keyvalue/store@0.2.0-draft2");
  EXPECT_EQ(get.function, "[method]bucket.get");
}

TEST(ImportTableTest, knows_each_version_of_the_lattice) {
  EXPECT_EQ(import_rule("wasmcloud:bus/lattice@1.0.0", "set-link-name").kind, ImportKind::set_link_name);
  EXPECT_EQ(import_rule("wasmcloud:bus/lattice@2.0.0", "set-link-name").kind, ImportKind::try_link_name);
  EXPECT_EQ(import_rule("wasmcloud:bus/lattice@2.0.1", "set-link-name").kind, ImportKind::try_link_name);
  EXPECT_EQ(import_rule("wasmcloud:bus/lattice@2.0.1", "[constructor]call-target-interface").kind,
            ImportKind::name_interface);
  EXPECT_EQ(import_rule("wasmcloud:bus/lattice@2.0.1", "[resource-drop]call-target-interface").kind,
            ImportKind::nothing);
}

TEST(ImportTableTest, an_error_is_its_text) {
  EXPECT_EQ(import_rule("wrpc:rpc/error@0.1.0", "[method]error.to-debug-string").kind, ImportKind::same);
  EXPECT_EQ(import_rule("wasmcloud:bus/error@2.0.1", "[static]error.from-rpc-error").kind, ImportKind::same);
  EXPECT_EQ(import_rule("wasmcloud:bus/error@2.0.1", "[static]error.from-io-error").kind, ImportKind::error_of_same);
  EXPECT_EQ(import_rule("wasmcloud:bus/error@2.0.1", "[resource-drop]error").kind, ImportKind::nothing);
}

TEST(ImportTableTest, a_blob_store_is_asked_on_the_wire_with_its_streams) {
  const auto get = import_rule("wasi:blobstore/blobstore@0.2.0-draft", "get-container-data");
  EXPECT_EQ(get.kind, ImportKind::call);
  EXPECT_EQ(get.link_key, "wasi:blobstore/blobstore");
  EXPECT_EQ(get.interface, "wrpc:blobstore/blobstore@0.2.0");
  EXPECT_EQ(get.fallback, "wrpc:blobstore/blobstore@0.1.0");
  EXPECT_EQ(get.result_paths.size(), 2U);
  EXPECT_EQ(get.fallback_paths.size(), 1U);
  const auto write = import_rule("wasi:blobstore/blobstore@0.2.0-draft", "write-container-data");
  EXPECT_EQ(write.param_path, "1");
  EXPECT_EQ(write.result_paths.size(), 1U);
  EXPECT_TRUE(write.fallback_paths.empty());
  EXPECT_TRUE(import_rule("wasi:blobstore/blobstore@0.2.0-draft", "has-object").result_paths.empty());
}

TEST(ImportTableTest, refuses_what_cannot_be_answered) {
  EXPECT_EQ(import_rule("wasi:blobstore/container@0.2.0-draft", "[method]container.name").kind, ImportKind::refused);
  EXPECT_EQ(import_rule("wrpc:rpc/invoker@0.1.0", "invoke").kind, ImportKind::refused);
}

std::vector<std::string> exports(std::string_view interface, std::string_view function) {
  std::vector<std::string> names;
  for (const auto& name : exports_of(interface, function)) {
    names.push_back(name.interface + "#" + name.function);
  }
  return names;
}

TEST(ImportTableTest, a_wire_interface_may_be_served_under_another_name) {
  EXPECT_EQ(exports("wrpc:keyvalue/watcher@0.2.0-draft", "on-set").front(), "wasi:keyvalue/watcher@0.2.0-draft#on-set");
  EXPECT_EQ(wire_name_of("wasi:keyvalue/watcher@0.2.0-draft", "on-set").interface, "wrpc:keyvalue/watcher@0.2.0-draft");
  EXPECT_EQ(wire_name_of("acme:shop/cart@1.0.0", "[method]cart.add").function, "[method]cart.add");
}

TEST(ImportTableTest, functions_of_resources_are_found_without_their_prefix) {
  EXPECT_EQ(exports("acme:shop/cart@1.0.0", "cart.add"),
            (std::vector<std::string>{"acme:shop/cart@1.0.0#cart.add", "acme:shop/cart@1.0.0#[method]cart.add",
                                      "acme:shop/cart@1.0.0#[static]cart.add",
                                      "acme:shop/cart@1.0.0#[constructor]cart.add"}));
  EXPECT_EQ(exports("acme:shop/cart@1.0.0", "[method]cart.add"),
            std::vector<std::string>{"acme:shop/cart@1.0.0#[method]cart.add"});
}

TEST(ImportTableTest, messages_of_two_versions_are_one_on_the_wire) {
  const auto wire = wire_name_of("wasmcloud:messaging/incoming-handler@0.3.0", "handle");
  EXPECT_EQ(wire, wire_name_of("wasmcloud:messaging/handler@0.2.0", "handle-message"));
  EXPECT_EQ(exports(wire.interface, wire.function),
            (std::vector<std::string>{"wasmcloud:messaging/handler@0.2.0#handle-message",
                                      "wasmcloud:messaging/incoming-handler@0.3.0#handle"}));
  for (const std::string_view interface :
       {"wasmcloud:messaging/producer@0.3.0", "wasmcloud:messaging/request-reply@0.3.0"}) {
    const auto publish = import_rule(interface, "publish");
    EXPECT_EQ(publish.kind, ImportKind::call);
    EXPECT_EQ(publish.link_key, without_version(interface));
    EXPECT_EQ(publish.other_key, "wasmcloud:messaging/consumer");
    EXPECT_EQ(publish.interface, "wasmcloud:messaging/consumer@0.2.0");
    EXPECT_EQ(import_rule(interface, "link-name").kind, ImportKind::link_name);
  }
  EXPECT_EQ(import_rule("wasmcloud:messaging/consumer@0.2.0", "publish").other_key, "");
}

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> made;
  for (const auto value : values) {
    made.push_back(static_cast<std::byte>(value));
  }
  return made;
}

TEST(GuestBytesTest, texts_come_back_as_they_were_put) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 16383U, 16384U, 70000U}) {
    std::vector<std::byte> put;
    put_text(put, std::string(size, 'x'));
    put_text(put, "end");
    GuestBytes reader(put);
    EXPECT_EQ(reader.take_text(), std::string(size, 'x'));
    EXPECT_EQ(reader.take_text(), "end");
    EXPECT_FALSE(reader.take_text());
  }
}

TEST(GuestBytesTest, bytes_that_lie_are_refused) {
  EXPECT_FALSE(GuestBytes({}).take_text());
  EXPECT_FALSE(GuestBytes(bytes({5, 'a'})).take_text());
  EXPECT_FALSE(GuestBytes(bytes({0xff, 0xff, 0xff, 0xff, 0x0f})).take_text());
  EXPECT_FALSE(GuestBytes(bytes({0xff, 0xff, 0xff, 0xff, 0x7f})).take_length());
  EXPECT_FALSE(GuestBytes(bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x00})).take_length());
  EXPECT_FALSE(GuestBytes(bytes({0x80})).take_length());
  EXPECT_EQ(GuestBytes(bytes({0x80, 0x01})).take_length(), 128);
}

}  // namespace
}  // namespace weft::guest
