// SPDX-License-Identifier: Apache-2.0
#include "guest/component_loader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "wire/wasm_token.hpp"

namespace weft::guest {
namespace {

constexpr std::uintmax_t kMaxFileBytes = 1ULL << 30;

}  // namespace

Result<std::string> read_component_file(const std::string& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status)) {
    return Error(Errc::not_found, fmt::format("there is no file {}", path), "check the path", Blame::operator_);
  }
  if (!std::filesystem::is_regular_file(status)) {
    return Error(Errc::invalid_argument, fmt::format("{} is not a file", path), "name a .wasm file", Blame::operator_);
  }
  const auto size = std::filesystem::file_size(path, failed);
  if (!failed && size > kMaxFileBytes) {
    return Error(Errc::resource_exhausted,
                 fmt::format("{} has {} bytes, more than a component may have (1 GiB)", path, size),
                 "check that it is the right file, or build it smaller", Blame::operator_);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const auto code = errno == EACCES ? Errc::permission_denied : Errc::io;
    return Error(code, fmt::format("cannot open {}: {}", path, std::strerror(errno)), "check who may read it",
                 Blame::operator_);
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.gcount() != static_cast<std::streamsize>(bytes.size())) {
    return Error(Errc::io, fmt::format("cannot read {}", path), "check the disk", Blame::environment);
  }
  return bytes;
}

/// An error about a file's contents names the file.
Error about_file(const Error& error, const std::string& path) {
  Error named(error.code(), fmt::format("{}: {}", path, error.message()), error.hint(), error.blame());
  return std::move(named).with_detail(error.detail());
}

Result<std::shared_ptr<LoadedComponent>> ComponentLoader::load(std::string_view wasm, ComponentConfig config,
                                                               engine::Imports imports) {
  WEFT_TRY(auto compiled, compile(wasm));
  WEFT_TRY(auto deployment, engine_.prepare(compiled->module, config.id, config.grants, config.limits, imports));
  return std::make_shared<LoadedComponent>(std::move(config), std::move(compiled), std::move(deployment));
}

Result<std::shared_ptr<const CompiledComponent>> ComponentLoader::compile(std::string_view wasm) {
  const auto digest = wire::sha256_text(wasm);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(digest); found != known_.end()) {
      if (auto compiled = found->second.lock()) {
        return compiled;
      }
    }
  }
  WEFT_TRY(auto info, engine::describe(wasm));
  WEFT_TRY(auto module, engine_.load(wasm));
  auto compiled = std::make_shared<const CompiledComponent>(std::move(info), std::move(module));
  const std::lock_guard lock(mutex_);
  if (known_.size() >= prune_at_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    prune_at_ = 2 * known_.size() + 64;
  }
  known_.insert_or_assign(digest, compiled);
  return compiled;
}

}  // namespace weft::guest
