// SPDX-License-Identifier: Apache-2.0
#include "host/spy/call_texts.hpp"

#include <fmt/format.h>

#include <iterator>

#include "guest/export_name.hpp"
#include "guest/import_table.hpp"
#include "wire/time_text.hpp"

namespace weft::host {

using Part = engine::Signature::Part;

CallTexts::Types CallTexts::of_callee(const SeenCall& call, const CallCode& code) {
  if (!code.callee) {
    return nullptr;
  }
  const auto [place, is_new] =
      exports_.try_emplace(Key{code.callee.get(), fmt::format("{}#{}", call.interface, call.function)});
  if (is_new) {
    for (const auto& name : guest::exports_of(call.interface, call.function)) {
      const auto exported = guest::export_name(name.interface, name.function);
      if (auto found = code.callee->deployment().export_signature(exported)) {
        place->second = std::make_shared<const engine::Signature>(*std::move(found));
        break;
      }
    }
  }
  return place->second;
}

CallTexts::Types CallTexts::of_caller(const SeenCall& call, const CallCode& code) {
  if (!code.caller) {
    return nullptr;
  }
  const auto& deployment = code.caller->deployment();
  const auto [place, is_new] =
      imports_.try_emplace(Key{code.caller.get(), fmt::format("{}#{}", call.interface, call.function)});
  if (!is_new) {
    return place->second;
  }
  const auto [rules, is_first] = rules_.try_emplace(code.caller.get());
  if (is_first) {
    for (const auto& import : deployment.imports()) {
      rules->second.push_back(guest::import_rule(import.interface, import.function));
    }
  }
  for (std::uint32_t number = 0; number < rules->second.size(); ++number) {
    const auto& rule = rules->second[number];
    if (rule.kind != guest::ImportKind::call || rule.function != call.function || rule.interface != call.interface) {
      continue;
    }
    if (auto found = deployment.import_signature(number)) {
      place->second = std::make_shared<const engine::Signature>(*std::move(found));
    }
    break;
  }
  return place->second;
}

std::string CallTexts::text(const Types& callee, const Types& caller, Part part, const SeenValues& values) const {
  for (const auto& types : {callee, caller}) {
    if (types == nullptr) {
      continue;
    }
    if (auto shown = types->show(part, {.bytes = values.bytes, .is_cut = values.is_cut()}, max_bytes_)) {
      return *std::move(shown);
    }
  }
  return values.size == 0 ? std::string() : text_of_bytes(values, max_bytes_);
}

wire::SpiedCall CallTexts::tell(SeenCall call, const CallCode& code) {
  wire::SpiedCall told;
  told.time = wire::time_text(call.began);
  told.nanoseconds = static_cast<std::uint64_t>(call.took.count());
  told.way = call.way;
  told.params = {.text = {}, .bytes = call.params.size, .streams = call.params.streams};
  told.results = {.text = {}, .bytes = call.results.size, .streams = call.results.streams};
  if (!call.http) {
    const auto callee = of_callee(call, code);
    const auto caller = of_caller(call, code);
    told.params.text = text(callee, caller, Part::params, call.params);
    if (call.error.empty()) {
      told.results.text = text(callee, caller, Part::results, call.results);
    }
  }
  told.source = std::move(call.source);
  told.link_name = std::move(call.link_name);
  told.target = std::move(call.target);
  told.interface = std::move(call.interface);
  told.function = std::move(call.function);
  told.error = std::move(call.error);
  told.http = std::move(call.http);
  return told;
}

std::string text_of_bytes(const SeenValues& values, std::size_t max_bytes) {
  std::string text = "b\"";
  bool is_all = !values.is_cut();
  for (const auto byte : values.bytes) {
    if (text.size() >= max_bytes) {
      is_all = false;
      break;
    }
    const auto value = std::to_integer<unsigned char>(byte);
    if (value == '"' || value == '\\') {
      text += '\\';
      text += static_cast<char>(value);
    } else if (value >= ' ' && value <= '~') {
      text += static_cast<char>(value);
    } else {
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", value);
    }
  }
  return text += is_all ? "\"" : "...";
}

}  // namespace weft::host
