// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.hpp"

#include <boost/json.hpp>

#include "engine/c_border.hpp"

namespace weft::engine {
namespace json = boost::json;
namespace {

Blame blame_for(Errc code) {
  switch (code) {
    case Errc::trap:
    case Errc::guest_exit:
      return Blame::guest;
    case Errc::invalid_argument:
    case Errc::not_found:
    case Errc::not_granted:
    case Errc::unsupported:
    case Errc::malformed:
    case Errc::type_mismatch:
      return Blame::operator_;
    case Errc::io:
    case Errc::permission_denied:
    case Errc::resource_exhausted:
      return Blame::environment;
    case Errc::internal:
    case Errc::already_exists:
    case Errc::deadline_exceeded:
    case Errc::cancelled:
    case Errc::unavailable:
    case Errc::conflict:
    case Errc::refused:
      return Blame::host;
  }
  return Blame::host;
}

std::string_view stdio_name(Stdio stdio) {
  switch (stdio) {
    case Stdio::log:
      return "log";
    case Stdio::inherit:
      return "inherit";
    case Stdio::discard:
      return "discard";
  }
  return "log";
}

json::array texts(const std::vector<std::string>& items) {
  json::array array;
  for (const auto& item : items) {
    array.emplace_back(item);
  }
  return array;
}

std::string grants_json(const std::string& id, const Grants& grants, const Limits& limits, Imports imports) {
  json::array environment;
  for (const auto& [name, value] : grants.environment) {
    environment.push_back(json::array{name, value});
  }
  json::array dirs;
  for (const auto& dir : grants.dirs) {
    dirs.push_back(
        {{"host", dir.host_path}, {"guest", dir.guest_path}, {"write", dir.access == DirAccess::read_write}});
  }
  return json::serialize(json::object{
      {"id", id},
      {"env", std::move(environment)},
      {"args", texts(grants.arguments)},
      {"dirs", std::move(dirs)},
      {"network", texts(grants.network)},
      {"stdio", stdio_name(grants.stdio)},
      {"max_memory_bytes", limits.max_memory_bytes},
      {"max_table_elements", limits.max_table_elements},
      {"reuse", limits.reuse},
      {"imports", imports == Imports::all ? json::array{"*"} : json::array{}},
  });
}

std::vector<std::string> names_of(const json::object& object, std::string_view field) {
  std::vector<std::string> names;
  if (const auto* items = object.if_contains(field); items != nullptr && items->is_array()) {
    for (const auto& item : items->get_array()) {
      const auto* name = item.is_object() ? item.get_object().if_contains("name") : &item;
      if (name != nullptr && name->is_string()) {
        names.emplace_back(name->get_string());
      }
    }
  }
  return names;
}

std::string text_of(const json::object& object, std::string_view field) {
  const auto* value = object.if_contains(field);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<ExportedFunction> functions_of(const json::object& description) {
  std::vector<ExportedFunction> functions;
  const auto* exports = description.if_contains("exports");
  if (exports == nullptr || !exports->is_array()) {
    return functions;
  }
  for (const auto& exported : exports->get_array()) {
    if (!exported.is_object()) {
      continue;
    }
    const auto& item = exported.get_object();
    if (text_of(item, "kind") == "function") {
      functions.push_back({.interface = {}, .function = text_of(item, "name")});
    }
    for (auto& name : names_of(item, "functions")) {
      functions.push_back({.interface = text_of(item, "name"), .function = std::move(name)});
    }
  }
  return functions;
}

}  // namespace

Error take_error(weft_error* error) {
  const auto code = static_cast<Errc>(weft_error_code(error));
  Error taken(code, std::string(to_text(weft_error_message(error))), std::string(to_text(weft_error_hint(error))),
              blame_for(code));
  auto detailed = std::move(taken).with_detail(std::string(to_text(weft_error_detail(error))));
  weft_error_free(error);
  return detailed;
}

std::string take_string(weft_string* string) {
  std::string text(to_text(weft_string_bytes(string)));
  weft_string_free(string);
  return text;
}

Result<Engine> Engine::create(const EngineConfig& config) {
  const weft_engine_config raw{config.max_instances, config.max_memory_bytes, to_c(config.cache_dir)};
  weft_engine* engine = nullptr;
  if (auto* error = weft_engine_new(&raw, &engine)) {
    return take_error(error);
  }
  return Engine(engine);
}

Result<Module> Engine::load(std::string_view wasm) {
  weft_component* component = nullptr;
  if (auto* error = weft_component_load(handle_.get(), to_c(wasm), &component)) {
    return take_error(error);
  }
  return Module(component);
}

Result<Deployment> Engine::prepare(const Module& module, const std::string& id, const Grants& grants,
                                   const Limits& limits, Imports imports) {
  const auto config = grants_json(id, grants, limits, imports);
  weft_prepared* prepared = nullptr;
  if (auto* error = weft_prepare(handle_.get(), module.handle_.get(), to_c(config), &prepared)) {
    return take_error(error);
  }
  return Deployment(prepared);
}

bool Engine::is_pooling() const { return weft_engine_is_pooling(handle_.get()); }

bool Module::was_cached() const { return weft_component_was_cached(handle_.get()); }

Result<Function> Deployment::find(std::string_view name) const {
  weft_func* func = nullptr;
  if (auto* error = weft_func_find(handle_.get(), to_c(name), &func)) {
    return take_error(error);
  }
  return Function(func);
}

namespace {

std::vector<std::string> import_paths(const weft_prepared* prepared, std::uint32_t import, std::uint32_t part) {
  std::vector<std::string> paths;
  weft_bytes path{};
  while (weft_import_path(prepared, import, part, static_cast<std::uint32_t>(paths.size()), &path)) {
    paths.emplace_back(to_text(path));
  }
  return paths;
}

std::vector<std::string> function_paths(const weft_func* function, std::uint32_t part) {
  std::vector<std::string> paths;
  weft_bytes path{};
  while (weft_func_path(function, part, static_cast<std::uint32_t>(paths.size()), &path)) {
    paths.emplace_back(to_text(path));
  }
  return paths;
}

}  // namespace

bool Function::is_streamed() const noexcept { return weft_func_is_streamed(handle_.get()); }
std::vector<std::string> Function::param_paths() const { return function_paths(handle_.get(), WEFT_PART_PARAMS); }
std::vector<std::string> Function::result_paths() const { return function_paths(handle_.get(), WEFT_PART_RESULTS); }

bool Deployment::has_streams() const noexcept { return weft_prepared_has_streams(handle_.get()); }

std::vector<ImportedFunction> Deployment::imports() const {
  std::vector<ImportedFunction> found;
  weft_bytes name{};
  std::uint32_t flags = 0;
  while (weft_prepared_import(handle_.get(), static_cast<std::uint32_t>(found.size()), &name, &flags)) {
    const auto text = to_text(name);
    const auto hash = text.find('#');
    found.push_back(
        {.interface = std::string(text.substr(0, hash)),
         .function = std::string(text.substr(hash + 1)),
         .gives_rpc_error = (flags & WEFT_IMPORT_RPC_ERROR) != 0,
         .is_async = (flags & WEFT_IMPORT_ASYNC) != 0,
         .param_paths = import_paths(handle_.get(), static_cast<std::uint32_t>(found.size()), WEFT_PART_PARAMS),
         .result_paths = import_paths(handle_.get(), static_cast<std::uint32_t>(found.size()), WEFT_PART_RESULTS)});
  }
  return found;
}

Result<Signature> Deployment::export_signature(std::string_view name) const {
  weft_signature* signature = nullptr;
  if (auto* error = weft_signature_of_export(handle_.get(), to_c(name), &signature)) {
    return take_error(error);
  }
  return Signature(signature);
}

Result<Signature> Deployment::import_signature(std::uint32_t number) const {
  weft_signature* signature = nullptr;
  if (auto* error = weft_signature_of_import(handle_.get(), number, &signature)) {
    return take_error(error);
  }
  return Signature(signature);
}

Result<std::string> Signature::show(Part part, Seen values, std::size_t max_bytes) const {
  const auto wanted = part == Part::params ? WEFT_PART_PARAMS : WEFT_PART_RESULTS;
  weft_string* out = nullptr;
  if (auto* error = weft_signature_show(handle_.get(), wanted, to_c(values.bytes), values.is_cut, max_bytes, &out)) {
    return take_error(error);
  }
  return take_string(out);
}

Result<Bytes> Function::encode(const std::vector<std::string>& arguments, ValueFormat format) const {
  std::vector<weft_bytes> raw;
  raw.reserve(arguments.size());
  for (const auto& argument : arguments) {
    raw.push_back(to_c(argument));
  }
  weft_string* out = nullptr;
  if (auto* error =
          weft_func_encode(handle_.get(), raw.data(), raw.size(), format == ValueFormat::json ? 1 : 0, &out)) {
    return take_error(error);
  }
  const auto encoded = to_span(weft_string_bytes(out));
  Bytes bytes(encoded.begin(), encoded.end());
  weft_string_free(out);
  return bytes;
}

Result<std::string> Function::decode(std::span<const std::byte> results, ValueFormat format) const {
  weft_string* out = nullptr;
  if (auto* error = weft_func_decode(handle_.get(), to_c(results), format == ValueFormat::json ? 1 : 0, &out)) {
    return take_error(error);
  }
  return take_string(out);
}

Result<ComponentInfo> describe(std::string_view wasm) {
  weft_string* out = nullptr;
  if (auto* error = weft_describe(to_c(wasm), &out)) {
    return take_error(error);
  }
  ComponentInfo info;
  info.json = take_string(out);
  info.size_bytes = wasm.size();
  boost::system::error_code failed;
  const auto parsed = json::parse(info.json, failed);
  if (failed || !parsed.is_object()) {
    return Error(Errc::internal, "the engine's description of the component is not JSON");
  }
  const auto& object = parsed.get_object();
  const auto world = text_of(object, "kind");
  info.kind = world == "http" ? WorldKind::http : world == "command" ? WorldKind::command : WorldKind::library;
  info.wasi_version = text_of(object, "wasi_version");
  info.toolchain = text_of(object, "toolchain");
  info.wit = text_of(object, "wit");
  info.imports = names_of(object, "imports");
  info.exports = names_of(object, "exports");
  info.functions = functions_of(object);
  return info;
}

std::string_view engine_version() { return weft_engine_wasmtime_version(); }

}  // namespace weft::engine
