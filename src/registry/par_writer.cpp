// SPDX-License-Identifier: Apache-2.0
#include "registry/par_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "registry/tar_writer.hpp"
#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{128} * 1024;
constexpr mode_t kPlainMode = 0644;
constexpr mode_t kExecutableMode = 0755;

/// An executable that is to be packed: how long it is, its hash, and where its bytes come from, any number of times.
struct Part {
  ParTarget target;
  std::function<Result<void>(const TakeBytes&)> read;
};

Result<void> read_all(const OpenFile& file, const std::string& path, const TakeBytes& take) {
  std::vector<char> chunk(kChunkBytes);
  for (std::uint64_t at = 0;;) {
    WEFT_TRY(const auto count, read_at(file.descriptor.get(), path, at, chunk));
    if (count == 0) return {};
    at += count;
    WEFT_CHECK(take({chunk.data(), count}));
  }
}

Result<Part> part_of_file(const ParExecutable& executable, const ParLimits& limits) {
  WEFT_CHECK(check_target_name(executable.target));
  WEFT_TRY(auto opened, open_regular_file(executable.path, limits.max_executable_bytes));
  // Shared, because std::function copies what it holds.
  const auto file = std::make_shared<OpenFile>(std::move(opened));
  Part part;
  part.target.name = executable.target;
  part.read = [file, path = executable.path](const TakeBytes& take) { return read_all(*file, path, take); };
  wire::Sha256 hash;
  WEFT_CHECK(part.read([&](std::string_view bytes) -> Result<void> {
    part.target.size += bytes.size();
    hash.update(bytes);
    return {};
  }));
  part.target.hash = wire::upper_hex(hash.finish());
  return part;
}

Result<void> write_part(TarWriter& writer, const Part& part) {
  WEFT_CHECK(writer.begin(part.target.name + ".bin", part.target.size, kExecutableMode));
  wire::Sha256 hash;
  auto written = part.read([&](std::string_view bytes) {
    hash.update(bytes);
    return writer.write(bytes);
  });
  const bool has_moved = !written && written.error().code() == Errc::invalid_argument;
  if (!written && !has_moved) return written;
  if (has_moved || wire::upper_hex(hash.finish()) != part.target.hash) {
    return Error(Errc::conflict, fmt::format("the executable for {} changed while it was packed", part.target.name),
                 "try again when it is finished", Blame::operator_);
  }
  return {};
}

Result<void> write_text(TarWriter& writer, const std::string& name, std::string_view text) {
  WEFT_CHECK(writer.begin(name, text.size(), kPlainMode));
  return writer.write(text);
}

Result<void> write_archive(const std::string& destination, wire::ProviderClaims claims, const std::vector<Part>& parts,
                           std::string_view world, ParCompression compression, const wire::TokenStamp& stamp,
                           const wire::KeyPair& issuer) {
  claims.target_hashes.clear();
  for (const auto& part : parts) claims.target_hashes[part.target.name] = part.target.hash;
  if (!world.empty()) claims.target_hashes["world.wasm"] = wire::upper_hex(wire::sha256(world));
  WEFT_TRY(const auto token, wire::sign_provider_claims(claims, stamp, issuer));

  WEFT_TRY(auto file, NewFile::create(destination));
  WEFT_TRY(auto writer,
           TarWriter::create(file, compression == ParCompression::gzip ? TarPacking::gzip : TarPacking::plain));
  WEFT_CHECK(write_text(writer, "claims.jwt", token));
  if (!world.empty()) WEFT_CHECK(write_text(writer, "world.wasm", world));
  for (const auto& part : parts) WEFT_CHECK(write_part(writer, part));
  WEFT_CHECK(writer.finish());
  return file.commit(kPlainMode);
}

Result<ParCompression> compression_of(const std::string& path, const ParLimits& limits) {
  WEFT_TRY(const auto file, open_regular_file(path, limits.max_file_bytes));
  std::array<char, 2> magic{};
  WEFT_CHECK(read_at(file.descriptor.get(), path, 0, magic));
  return std::string_view(magic.data(), magic.size()) == "\x1f\x8b" ? ParCompression::gzip : ParCompression::none;
}

}  // namespace

Result<void> create_provider_archive(const std::string& destination, const NewProvider& provider,
                                     const wire::TokenStamp& stamp, const wire::KeyPair& issuer,
                                     const ParLimits& limits) {
  if (provider.executables.empty()) {
    return Error(Errc::invalid_argument, "a provider archive needs an executable", {}, Blame::operator_);
  }
  std::vector<Part> parts;
  for (const auto& executable : provider.executables) {
    if (std::ranges::any_of(parts, [&](const Part& part) { return part.target.name == executable.target; })) {
      return Error(Errc::invalid_argument, fmt::format("there are two executables for {}", executable.target), {},
                   Blame::operator_);
    }
    WEFT_TRY(auto part, part_of_file(executable, limits));
    parts.push_back(std::move(part));
  }
  return write_archive(destination, provider.claims, parts, provider.world, provider.compression, stamp, issuer);
}

Result<void> insert_executable(const std::string& path, const ParExecutable& executable, const wire::TokenStamp& stamp,
                               const wire::KeyPair& issuer, std::chrono::system_clock::time_point now,
                               const ParLimits& limits) {
  WEFT_TRY(const auto archive, ProviderArchive::open(path, now, ParTrust::verified, limits));
  WEFT_CHECK(archive.check_hashes());
  WEFT_TRY(const auto compression, compression_of(path, limits));
  std::vector<Part> parts;
  for (const auto& target : archive.targets()) {
    if (target.name == executable.target) continue;
    parts.push_back(
        {target, [&archive, &target](const TakeBytes& take) { return archive.read_target(target.name, take); }});
  }
  WEFT_TRY(auto part, part_of_file(executable, limits));
  parts.push_back(std::move(part));
  return write_archive(path, archive.claims(), parts, archive.world(), compression, stamp, issuer);
}

}  // namespace weft::registry
