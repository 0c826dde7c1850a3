// SPDX-License-Identifier: Apache-2.0
#include "guest/component_loader.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "wire/wasm_token.hpp"

namespace weft::guest {
namespace {

constexpr std::uintmax_t kMaxFileBytes = 1ULL << 30;
/// The coarsest clock of a file system in use (FAT).
constexpr std::chrono::nanoseconds kFileClockStep = std::chrono::seconds(2);

std::int64_t nanoseconds(const timespec& time) {
  return std::chrono::nanoseconds(std::chrono::seconds(time.tv_sec)).count() + time.tv_nsec;
}

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

std::int64_t wall_nanoseconds() {
  using std::chrono::nanoseconds;
  return std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool FileStamp::is_settled(std::int64_t now_ns) const {
  return now_ns - written_ns > kFileClockStep.count() && now_ns - changed_ns > kFileClockStep.count();
}

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return FileStamp{.device = status.st_dev,
                   .inode = status.st_ino,
                   .size = static_cast<std::uint64_t>(status.st_size),
                   .written_ns = nanoseconds(status.st_mtim),
                   .changed_ns = nanoseconds(status.st_ctim)};
}

Result<std::shared_ptr<LoadedComponent>> ComponentLoader::load(std::string_view wasm, ComponentConfig config,
                                                               engine::Imports imports) {
  WEFT_TRY(auto compiled, compile(wasm));
  return link(std::move(compiled), std::move(config), imports);
}

Result<std::shared_ptr<LoadedComponent>> ComponentLoader::link(Compiled compiled, ComponentConfig config,
                                                               engine::Imports imports) {
  WEFT_TRY(auto deployment, engine_.prepare(compiled->module, config.id, config.grants, config.limits, imports));
  return std::make_shared<LoadedComponent>(std::move(config), std::move(compiled), std::move(deployment));
}

Result<ComponentLoader::FromFile> ComponentLoader::load_file(const std::string& path, ComponentConfig config,
                                                             engine::Imports imports) {
  const auto before = stamp_of(path);
  auto compiled = find_file(path, before);
  std::optional<wire::ComponentClaims> claims;
  if (!compiled) {
    WEFT_TRY(const auto wasm, read_component_file(path));
    WEFT_TRY(claims, wire::extract_component_claims(wasm, std::chrono::system_clock::now()));
    auto made = compile(wasm);
    if (!made) {
      return about_file(made.error(), path);
    }
    compiled = *std::move(made);
    if (before && !claims && before->is_settled(now_()) && stamp_of(path) == before) {
      remember_file(path, *before, compiled);
    }
  }
  auto linked = link(std::move(compiled), std::move(config), imports);
  if (!linked) {
    return about_file(linked.error(), path);
  }
  return FromFile{std::move(claims), *std::move(linked)};
}

ComponentLoader::Compiled ComponentLoader::find_file(const std::string& path, const std::optional<FileStamp>& stamp) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(path);
  return found == files_.end() || found->second.stamp != stamp ? nullptr : found->second.compiled.lock();
}

void ComponentLoader::remember_file(const std::string& path, const FileStamp& stamp, const Compiled& compiled) {
  const std::lock_guard lock(mutex_);
  if (files_.size() >= prune_files_at_) {
    std::erase_if(files_, [](const auto& entry) { return entry.second.compiled.expired(); });
    prune_files_at_ = 2 * files_.size() + 64;
  }
  files_.insert_or_assign(path, KnownFile{stamp, compiled});
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
