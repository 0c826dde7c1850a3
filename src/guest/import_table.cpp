// SPDX-License-Identifier: Apache-2.0
#include "guest/import_table.hpp"

#include <utility>

namespace weft::guest {
namespace {

constexpr std::string_view kMethod = "[method]";
constexpr std::string_view kDrop = "[resource-drop]";

constexpr std::string_view kStore = "wasi:keyvalue/store@0.2.0-draft";
constexpr std::string_view kAtomics = "wasi:keyvalue/atomics@0.2.0-draft";
constexpr std::string_view kBatch = "wasi:keyvalue/batch@0.2.0-draft";

constexpr std::string_view kWatcher = "wasi:keyvalue/watcher@0.2.0-draft";
constexpr std::string_view kWireWatcher = "wrpc:keyvalue/watcher@0.2.0-draft";

/// The engine asks for what wasi:blobstore's resources need under these names already, with the values of 0.2.0.
constexpr std::string_view kBlobstore = "wasi:blobstore/blobstore@0.2.0-draft";
constexpr std::string_view kWireBlobstore = "wrpc:blobstore/blobstore@0.2.0";
constexpr std::string_view kOlderBlobstore = "wrpc:blobstore/blobstore@0.1.0";
constexpr std::string_view kDataAndStatus[] = {"0.0", "0.1"};
constexpr std::string_view kOne[] = {"0"};

/// Messages of 0.3.0 are the engine's; it asks for what they come to with the values of 0.2.0, which is the one on the
/// wire.
constexpr std::string_view kProducer = "wasmcloud:messaging/producer@0.3.0";
constexpr std::string_view kRequestReply = "wasmcloud:messaging/request-reply@0.3.0";
constexpr std::string_view kWireConsumer = "wasmcloud:messaging/consumer@0.2.0";
constexpr std::string_view kConsumerKey = "wasmcloud:messaging/consumer";
constexpr std::string_view kIncomingHandler = "wasmcloud:messaging/incoming-handler@0.3.0";
constexpr std::string_view kWireHandler = "wasmcloud:messaging/handler@0.2.0";

/// Interfaces that have another name on the wire, with the same values but for `store`, see below.
constexpr std::pair<std::string_view, std::string_view> kOnTheWire[] = {
    {kStore, "wrpc:keyvalue/store@0.2.0-draft"},
    {kAtomics, "wrpc:keyvalue/atomics@0.2.0-draft"},
    {kBatch, "wrpc:keyvalue/batch@0.2.0-draft"},
    {kBlobstore, kWireBlobstore},
    {kProducer, kWireConsumer},
    {kRequestReply, kWireConsumer},
};

void add_streams(ImportRule& rule) {
  rule.fallback = kOlderBlobstore;
  if (rule.function == "get-container-data" || rule.function == "list-container-objects") {
    rule.result_paths = kDataAndStatus;
    rule.fallback_paths = kOne;
  } else if (rule.function == "write-container-data") {
    rule.param_path = "1";
    rule.result_paths = kOne;
  }
}

/// A bucket is a local thing: its handle is its name, and a method sends that name as the first parameter, in the very
/// bytes that the handle has.
ImportKind store_kind(std::string_view function) {
  if (function == "open") {
    return ImportKind::some_of_same;
  }
  return function.starts_with(kDrop) ? ImportKind::nothing : ImportKind::call;
}

ImportKind lattice_kind(std::string_view interface, std::string_view function) {
  if (function.starts_with(kDrop)) {
    return ImportKind::nothing;
  }
  if (function.starts_with("[constructor]")) {
    return ImportKind::name_interface;
  }
  if (function != "set-link-name") {
    return ImportKind::refused;
  }
  return interface.contains("@1.") ? ImportKind::set_link_name : ImportKind::try_link_name;
}

/// The handle of an error is its text, whichever of the two interfaces it belongs to.
ImportKind error_kind(std::string_view function) {
  if (function.starts_with(kDrop)) {
    return ImportKind::nothing;
  }
  if (function.ends_with("to-debug-string") || function.ends_with("from-rpc-error")) {
    return ImportKind::same;
  }
  // Errors of streams stay what they are.
  return function.ends_with("from-io-error") ? ImportKind::error_of_same : ImportKind::refused;
}

ImportKind kind_of(std::string_view interface, std::string_view key, std::string_view function) {
  if (interface == kStore) {
    return store_kind(function);
  }
  if ((interface == kProducer || interface == kRequestReply) && function == "link-name") {
    return ImportKind::link_name;
  }
  if (key == "wasmcloud:bus/lattice") {
    return lattice_kind(interface, function);
  }
  if (key == "wasmcloud:bus/error" || key == "wrpc:rpc/error") {
    return error_kind(function);
  }
  if ((key.starts_with("wasi:blobstore/") && interface != kBlobstore) || key.starts_with("wrpc:rpc/")) {
    return ImportKind::refused;
  }
  return function.starts_with(kDrop) ? ImportKind::drop : ImportKind::call;
}

}  // namespace

std::string_view without_version(std::string_view interface) noexcept {
  return interface.substr(0, interface.find('@'));
}

ImportRule import_rule(std::string_view interface, std::string_view function) {
  const auto key = without_version(interface);
  ImportRule rule{.kind = kind_of(interface, key, function),
                  .link_key = std::string(key),
                  .other_key = other_key_of(key),
                  .interface = std::string(interface),
                  .function = std::string(function)};
  for (const auto& [guest, wire] : kOnTheWire) {
    if (interface == guest) {
      rule.interface = wire;
    }
  }
  if (interface == kStore && function.starts_with(kMethod)) {
    rule.function = function.substr(function.find('.') + 1);
  }
  if (interface == kBlobstore) {
    add_streams(rule);
  }
  rule.tells_failure = interface == kProducer || interface == kRequestReply;
  return rule;
}

std::string_view other_key_of(std::string_view link_key) noexcept {
  return link_key == without_version(kProducer) || link_key == without_version(kRequestReply) ? kConsumerKey
                                                                                              : std::string_view();
}

dispatch::FunctionName wire_name_of(std::string_view exported_interface, std::string_view function) {
  if (exported_interface == kIncomingHandler && function == "handle") {
    return {.interface = std::string(kWireHandler), .function = "handle-message"};
  }
  // Its bucket is sent as a text, which is what the handle of a bucket is here.
  return {.interface = std::string(exported_interface == kWatcher ? kWireWatcher : exported_interface),
          .function = std::string(function)};
}

std::vector<dispatch::FunctionName> exports_of(std::string_view wire_interface, std::string_view function) {
  const std::string exported(wire_interface == kWireWatcher ? kWatcher : wire_interface);
  std::vector<dispatch::FunctionName> names{{.interface = exported, .function = std::string(function)}};
  if (wire_interface == kWireHandler) {
    names.push_back({.interface = std::string(kIncomingHandler), .function = "handle"});
  }
  // On the wire the functions of resources have lost their prefix (data-plane facts 1.2).
  else if (!function.starts_with('[')) {
    for (const std::string_view prefix : {"[method]", "[static]", "[constructor]"}) {
      names.push_back({.interface = exported, .function = std::string(prefix).append(function)});
    }
  }
  return names;
}

}  // namespace weft::guest
