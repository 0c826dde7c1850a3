// SPDX-License-Identifier: Apache-2.0
#include "registry/par.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/temporary_folder.hpp"
#include "registry/par_fixture.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using weft::testing_support::TemporaryFolder;

class ProviderArchiveTest : public ::testing::Test {
 protected:
  Result<ProviderArchive> open(std::string_view bytes, ParTrust trust = ParTrust::verified,
                               const ParLimits& limits = {}) {
    write_bytes(path(), bytes);
    return ProviderArchive::open(path(), kNowPoint, trust, limits);
  }
  Error open_error(std::string_view bytes, const ParLimits& limits = {}) {
    const auto archive = open(bytes, ParTrust::verified, limits);
    EXPECT_FALSE(archive);
    return archive ? Error{Errc::internal, "none"} : archive.error();
  }
  [[nodiscard]] std::string path() const { return folder_.file("p.par"); }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator all(std::filesystem::path(path()).parent_path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  TemporaryFolder folder_;
};

TEST_F(ProviderArchiveTest, tells_what_is_inside) {
  const auto archive = open(archive_of({{"aarch64-linux", "arm"}, {"x86_64-linux", "intel"}}, "world"));
  ASSERT_TRUE(archive) << archive.error().to_string();
  EXPECT_EQ(archive->claims().name, "keyvalue");
  EXPECT_EQ(archive->claims().vendor, "acme");
  EXPECT_EQ(archive->claims().subject, subject_pair().public_text());
  EXPECT_EQ(archive->world(), "world");
  ASSERT_EQ(archive->targets().size(), 2U);
  EXPECT_EQ(archive->targets()[1].name, "x86_64-linux");
  EXPECT_EQ(archive->targets()[1].size, 5U);
  EXPECT_EQ(archive->targets()[1].hash, hash_of("intel"));
  EXPECT_TRUE(archive->check_hashes());
}

TEST_F(ProviderArchiveTest, knows_entries_by_their_stem_and_passes_over_others) {
  const auto tar = tar_entry({"./bin/x86_64-linux.exe", "intel"}) + tar_entry({"README.md", "hello"}) +
                   tar_entry({"./claims.jwt", provider_token({{"x86_64-linux", hash_of("intel")}})}) + kTarEnd;
  const auto archive = open(tar);
  ASSERT_TRUE(archive) << archive.error().to_string();
  EXPECT_EQ(archive->targets().size(), 1U);
}

TEST_F(ProviderArchiveTest, extracts_an_executable_beside_a_running_one) {
  const auto archive = open(archive_of({{"aarch64-linux", "arm"}, {"x86_64-linux", "intel"}}));
  ASSERT_TRUE(archive);
  const auto program = folder_.file("program");
  write_bytes(program, "running");
  const auto running = open_regular_file(program, 100);
  ASSERT_TRUE(running);
  const auto extracted = archive->extract("x86_64-linux", program);
  ASSERT_TRUE(extracted) << extracted.error().to_string();
  EXPECT_EQ(read_file(program, 100).operator*(), "intel");
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(::fstat(running->descriptor.get(), &before), 0);
  ASSERT_EQ(::stat(program.c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino);
  EXPECT_EQ(after.st_mode & 07777U, 0755U);
}

TEST_F(ProviderArchiveTest, says_which_machines_it_is_for) {
  const auto archive = open(archive_of({{"aarch64-linux", "arm"}, {"riscv64-linux", "risc"}}));
  ASSERT_TRUE(archive);
  const auto extracted = archive->extract("x86_64-linux", folder_.file("program"));
  ASSERT_FALSE(extracted);
  EXPECT_EQ(extracted.error().code(), Errc::not_found);
  EXPECT_THAT(extracted.error().hint(), ::testing::HasSubstr("aarch64-linux, riscv64-linux"));
  EXPECT_EQ(files(), 1U);
}

TEST_F(ProviderArchiveTest, refuses_an_executable_that_is_not_what_was_signed) {
  const auto tar = tar_entry({"claims.jwt", provider_token({{"x86_64-linux", hash_of("good")}})}) +
                   tar_entry({"x86_64-linux.bin", "evil"}) + tar_entry({"aarch64-linux.bin", "unknown"}) + kTarEnd;
  const auto archive = open(tar);
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->check_hashes().error().code(), Errc::permission_denied);
  EXPECT_EQ(archive->extract("x86_64-linux", folder_.file("program")).error().code(), Errc::permission_denied);
  EXPECT_EQ(archive->extract("aarch64-linux", folder_.file("program")).error().code(), Errc::permission_denied);
  EXPECT_EQ(files(), 1U);
}

TEST_F(ProviderArchiveTest, needs_only_the_own_executable_to_be_sound) {
  const auto tar = tar_entry({"claims.jwt", provider_token({{"x86_64-linux", hash_of("good")}})}) +
                   tar_entry({"x86_64-linux.bin", "good"}) + tar_entry({"aarch64-linux.bin", "evil"}) + kTarEnd;
  const auto archive = open(tar);
  ASSERT_TRUE(archive);
  EXPECT_FALSE(archive->check_hashes());
  EXPECT_TRUE(archive->extract("x86_64-linux", folder_.file("program")));
}

TEST_F(ProviderArchiveTest, notices_a_file_that_changes_after_it_was_opened) {
  const auto archive = open(archive_of({{"x86_64-linux", "intel"}}));
  ASSERT_TRUE(archive);
  // In place: the same file as the archive has open.
  write_bytes(path(), archive_of({{"x86_64-linux", "evil!"}}));
  EXPECT_EQ(archive->extract("x86_64-linux", folder_.file("program")).error().code(), Errc::permission_denied);
  write_bytes(path(), archive_of({{"x86_64-linux", "longer"}}));
  EXPECT_EQ(archive->extract("x86_64-linux", folder_.file("program")).error().code(), Errc::malformed);
  write_bytes(path(), "");
  EXPECT_EQ(archive->extract("x86_64-linux", folder_.file("program")).error().code(), Errc::malformed);
  EXPECT_EQ(files(), 1U);
}

TEST_F(ProviderArchiveTest, refuses_a_world_that_is_not_what_was_signed) {
  const auto with_world = [](const std::map<std::string, std::string>& hashes) {
    return tar_entry({"claims.jwt", provider_token(hashes)}) + tar_entry({"world.wasm", "w"}) +
           tar_entry({"x86_64-linux.bin", "x"}) + kTarEnd;
  };
  EXPECT_TRUE(open(with_world({{"x86_64-linux", hash_of("x")}, {"world.wasm", hash_of("w")}})));
  EXPECT_EQ(open_error(with_world({{"x86_64-linux", hash_of("x")}})).code(), Errc::permission_denied);
  EXPECT_EQ(open_error(with_world({{"x86_64-linux", hash_of("x")}, {"world.wasm", hash_of("v")}})).code(),
            Errc::permission_denied);
}

TEST_F(ProviderArchiveTest, refuses_claims_that_do_not_hold_unless_they_are_only_shown) {
  const auto with_token = [](std::string_view token) {
    return tar_entry({"claims.jwt", std::string(token)}) + tar_entry({"x86_64-linux.bin", "x"}) + kTarEnd;
  };
  const auto hash = std::map<std::string, std::string>{{"x86_64-linux", hash_of("x")}};
  const auto expired = with_token(provider_token(hash, kNow - 1));
  EXPECT_EQ(open_error(expired).code(), Errc::permission_denied);
  EXPECT_TRUE(open(expired, ParTrust::unverified));
  auto forged = provider_token(hash);
  forged.back() = forged.back() == 'A' ? 'Q' : 'A';
  EXPECT_EQ(open_error(with_token(forged)).code(), Errc::permission_denied);
  EXPECT_EQ(open_error(with_token("no token")).code(), Errc::malformed);
}

TEST_F(ProviderArchiveTest, refuses_what_is_not_complete) {
  const auto claims = tar_entry({"claims.jwt", provider_token({{"x86_64-linux", hash_of("x")}})});
  const auto program = tar_entry({"x86_64-linux.bin", "x"});
  EXPECT_EQ(open_error(claims + kTarEnd).code(), Errc::malformed);
  EXPECT_EQ(open_error(program + kTarEnd).code(), Errc::malformed);
  EXPECT_EQ(open_error(tar_entry({"claims.jwt", ""}) + program + kTarEnd).code(), Errc::malformed);
  EXPECT_EQ(open_error(claims + program + program + kTarEnd).code(), Errc::malformed);
  EXPECT_EQ(open_error(claims + claims + program + kTarEnd).code(), Errc::malformed);
  EXPECT_EQ(open_error("").code(), Errc::malformed);
  EXPECT_EQ(ProviderArchive::open(folder_.file("none"), kNowPoint).error().code(), Errc::not_found);
}

TEST_F(ProviderArchiveTest, keeps_to_its_limits) {
  const auto whole = archive_of({{"x86_64-linux", std::string(1000, 'x')}}, std::string(100, 'w'));
  ParLimits limits{.max_file_bytes = whole.size(), .max_executable_bytes = 1000, .max_world_bytes = 100, .tar = {}};
  EXPECT_TRUE(open(whole, ParTrust::verified, limits));
  const auto with = [&limits](auto change) {
    auto changed = limits;
    change(changed);
    return changed;
  };
  EXPECT_EQ(open_error(whole, with([](ParLimits& l) { --l.max_file_bytes; })).code(), Errc::resource_exhausted);
  EXPECT_EQ(open_error(whole, with([](ParLimits& l) { --l.max_executable_bytes; })).code(), Errc::resource_exhausted);
  EXPECT_EQ(open_error(whole, with([](ParLimits& l) { --l.max_world_bytes; })).code(), Errc::resource_exhausted);
}

TEST(ParTargetTest, has_an_architecture_and_a_system) {
  EXPECT_TRUE(check_target_name(own_target()));
  EXPECT_TRUE(check_target_name("aarch64-macos"));
  for (const std::string name : {"", "linux", "-linux", "x86_64-", "../x-y", "x y-z", "a-b/c"}) {
    EXPECT_FALSE(check_target_name(name)) << name;
  }
}

}  // namespace
}  // namespace weft::registry
