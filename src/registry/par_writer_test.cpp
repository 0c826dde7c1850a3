// SPDX-License-Identifier: Apache-2.0
#include "registry/par_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temporary_folder.hpp"
#include "registry/par_fixture.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using weft::testing_support::TemporaryFolder;

class ParWriterTest : public ::testing::Test {
 protected:
  ParWriterTest() {
    provider_.claims.subject = subject_pair().public_text();
    provider_.claims.name = "keyvalue";
    provider_.claims.vendor = "acme";
    provider_.claims.config_schema = R"({"type":"object"})";
    provider_.executables = {executable("x86_64-linux", "intel")};
    provider_.world = "world";
  }

  ParExecutable executable(const std::string& target, std::string_view bytes) {
    auto file = folder_.file(target);
    write_bytes(file, bytes);
    return {target, file};
  }
  Result<void> create() { return create_provider_archive(path(), provider_, {"id", kNow}, issuer_pair()); }
  ProviderArchive opened() {
    auto archive = ProviderArchive::open(path(), kNowPoint);
    EXPECT_TRUE(archive) << archive.error().to_string();
    EXPECT_TRUE(archive->check_hashes());
    return *std::move(archive);
  }
  Result<void> insert(const ParExecutable& more, std::uint8_t issuer = 1) {
    return insert_executable(path(), more, {"id2", kNow + 1},
                             wire::KeyPair::from_entropy(wire::KeyKind::account, wire::KeyBytes{issuer}), kNowPoint);
  }
  [[nodiscard]] std::string path() const { return folder_.file("p.par"); }

  TemporaryFolder folder_;
  NewProvider provider_;
};

TEST_F(ParWriterTest, writes_what_is_read_again) {
  for (const auto compression : {ParCompression::none, ParCompression::gzip}) {
    provider_.compression = compression;
    const auto made = create();
    ASSERT_TRUE(made) << made.error().to_string();
    const auto archive = opened();
    EXPECT_EQ(archive.claims().vendor, "acme");
    EXPECT_EQ(archive.claims().config_schema, R"({"type":"object"})");
    EXPECT_EQ(archive.claims().issuer, issuer_pair().public_text());
    EXPECT_EQ(archive.world(), "world");
    ASSERT_TRUE(archive.extract("x86_64-linux", folder_.file("out")));
    EXPECT_EQ(read_file(folder_.file("out"), 100).operator*(), "intel");
  }
}

TEST_F(ParWriterTest, gives_the_same_bytes_for_the_same_parts) {
  for (const auto compression : {ParCompression::none, ParCompression::gzip}) {
    provider_.compression = compression;
    ASSERT_TRUE(create());
    const auto first = read_file(path(), 100'000);
    ASSERT_TRUE(create());
    EXPECT_EQ(*first, *read_file(path(), 100'000));
  }
}

TEST_F(ParWriterTest, inserts_and_replaces_executables) {
  for (const auto compression : {ParCompression::none, ParCompression::gzip}) {
    provider_.compression = compression;
    ASSERT_TRUE(create());
    const auto inserted = insert(executable("aarch64-linux", "arm"));
    ASSERT_TRUE(inserted) << inserted.error().to_string();
    ASSERT_TRUE(insert(executable("x86_64-linux", "intel 2"), 9));
    const auto archive = opened();
    ASSERT_EQ(archive.targets().size(), 2U);
    EXPECT_EQ(archive.claims().subject, subject_pair().public_text());
    EXPECT_NE(archive.claims().issuer, issuer_pair().public_text());
    EXPECT_EQ(archive.world(), "world");
    ASSERT_TRUE(archive.extract("x86_64-linux", folder_.file("out")));
    EXPECT_EQ(read_file(folder_.file("out"), 100).operator*(), "intel 2");
    ASSERT_TRUE(archive.extract("aarch64-linux", folder_.file("out")));
    EXPECT_EQ(read_file(folder_.file("out"), 100).operator*(), "arm");
  }
}

TEST_F(ParWriterTest, does_not_sign_what_others_have_changed) {
  const auto tar = tar_entry({"claims.jwt", provider_token({{"x86_64-linux", hash_of("good")}})}) +
                   tar_entry({"x86_64-linux.bin", "evil"}) + kTarEnd;
  write_bytes(path(), tar);
  EXPECT_EQ(insert(executable("aarch64-linux", "arm")).error().code(), Errc::permission_denied);
  EXPECT_EQ(read_file(path(), 100'000).operator*(), tar);
}

TEST_F(ParWriterTest, refuses_what_makes_no_archive) {
  provider_.executables.push_back(provider_.executables.front());
  EXPECT_EQ(create().error().code(), Errc::invalid_argument);
  provider_.executables = {{"linux", path()}};
  EXPECT_EQ(create().error().code(), Errc::invalid_argument);
  provider_.executables = {{"x86_64-linux", folder_.file("none")}};
  EXPECT_EQ(create().error().code(), Errc::not_found);
  provider_.executables.clear();
  EXPECT_EQ(create().error().code(), Errc::invalid_argument);
  EXPECT_EQ(read_file(path(), 100).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace weft::registry
