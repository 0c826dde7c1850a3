// SPDX-License-Identifier: Apache-2.0
#include "registry/tar_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temporary_folder.hpp"
#include "registry/par_fixture.hpp"
#include "registry/tar_writer.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using weft::testing_support::TemporaryFolder;

/// Everything a reader tells of these bytes.
Result<std::map<std::string, std::string>> contents(std::string_view bytes, const TarLimits& limits = {}) {
  const TemporaryFolder folder;
  write_bytes(folder.file("x.tar"), bytes);
  WEFT_TRY(const auto file, open_regular_file(folder.file("x.tar"), UINT64_MAX));
  WEFT_TRY(auto reader, TarReader::open(file.descriptor.get(), limits));
  std::map<std::string, std::string> out;
  for (;;) {
    WEFT_TRY(const auto entry, reader.next());
    if (!entry) return out;
    std::array<char, 700> chunk{};
    for (;;) {
      WEFT_TRY(const auto count, reader.read(chunk));
      if (count == 0) break;
      out[entry->name].append(chunk.data(), count);
    }
  }
}

Errc code_of(std::string_view bytes, const TarLimits& limits = {}) {
  const auto read = contents(bytes, limits);
  EXPECT_FALSE(read);
  return read ? Errc::internal : read.error().code();
}

std::string gzipped(std::string_view name, std::string_view body) {
  const TemporaryFolder folder;
  auto file = NewFile::create(folder.file("x"));
  auto writer = TarWriter::create(*file, TarPacking::gzip);
  EXPECT_TRUE(writer->begin(std::string(name), body.size(), 0644));
  EXPECT_TRUE(writer->write(body));
  EXPECT_TRUE(writer->finish());
  EXPECT_TRUE(file->commit(0644));
  return *read_file(folder.file("x"), UINT64_MAX);
}

TEST(TarReaderTest, reads_files_and_passes_over_folders) {
  const std::string body(1000, 'x');
  const auto read =
      contents(tar_entry({"in/", "", '5'}) + tar_entry({"in/a", body}) + tar_entry({"./b", ""}) + kTarEnd);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_THAT(*read, ::testing::UnorderedElementsAre(::testing::Pair("in/a", body)));
}

TEST(TarReaderTest, reads_one_layer_of_gzip) {
  const auto once = gzipped("a", "hello");
  EXPECT_EQ(contents(once).operator*()["a"], "hello");
  EXPECT_EQ(contents(gzipped("b", once)).operator*()["b"], once);
}

TEST(TarReaderTest, refuses_names_that_lead_outside) {
  for (const std::string name : {"/etc/passwd", "../x", "a/../../x", "a/..", ".."}) {
    EXPECT_EQ(code_of(tar_entry({name, "x"}) + kTarEnd), Errc::malformed) << name;
  }
  EXPECT_TRUE(contents(tar_entry({"..a/b..", "x"}) + kTarEnd));
}

TEST(TarReaderTest, refuses_links_and_devices) {
  EXPECT_EQ(code_of(tar_entry({"x86_64-linux.bin", "", '2', "/etc/passwd"}) + kTarEnd), Errc::unsupported);
  EXPECT_EQ(code_of(tar_entry({"x86_64-linux.bin", "", '1', "claims.jwt"}) + kTarEnd), Errc::unsupported);
  EXPECT_EQ(code_of(tar_entry({"x", "", '3'}) + kTarEnd), Errc::unsupported);
  EXPECT_EQ(code_of(tar_entry({"x", "", '6'}) + kTarEnd), Errc::unsupported);
}

TEST(TarReaderTest, refuses_what_is_cut_off_anywhere) {
  const auto whole = tar_entry({"a", std::string(2000, 'x')});
  for (const std::size_t length : {1U, 2U, 100U, 511U, 513U, 1000U, 2400U}) {
    EXPECT_EQ(code_of(whole.substr(0, length)), Errc::malformed) << length;
  }
  const auto packed = gzipped("a", std::string(100'000, 'x'));
  for (const std::size_t length : {std::size_t{2}, std::size_t{9}, packed.size() / 2}) {
    EXPECT_EQ(code_of(packed.substr(0, length)), Errc::malformed) << length;
  }
  EXPECT_EQ(code_of(std::string(4096, 'j')), Errc::malformed);
}

TEST(TarReaderTest, refuses_sizes_that_are_not_true) {
  EXPECT_EQ(code_of(tar_entry({"a", "short", '0', "", 5000})), Errc::malformed);
  // Nothing of such a size is read, skipped or allocated.
  EXPECT_EQ(code_of(tar_entry({"a", "x", '0', "", 0x1'FFFF'FFFF}) + kTarEnd), Errc::resource_exhausted);
}

TEST(TarReaderTest, stops_at_its_limits) {
  const TarLimits limits{.max_total_bytes = 4096, .max_entries = 2};
  const auto entry = [](std::size_t size) { return tar_entry({"a", std::string(size, 'x')}); };
  EXPECT_TRUE(contents(entry(1000) + entry(1000) + kTarEnd, limits));
  EXPECT_EQ(code_of(entry(1) + entry(1) + entry(1) + kTarEnd, limits), Errc::resource_exhausted);
  EXPECT_EQ(code_of(entry(4097) + kTarEnd, limits), Errc::resource_exhausted);
  EXPECT_EQ(code_of(entry(3000) + entry(2000) + kTarEnd, limits), Errc::resource_exhausted);
}

TEST(TarReaderTest, a_bomb_does_not_go_off) {
  const auto bomb = gzipped("a", std::string(std::size_t{32} * 1024 * 1024, '\0'));
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(code_of(bomb, {.max_total_bytes = 1'000'000, .max_entries = 10}), Errc::resource_exhausted);
}

}  // namespace
}  // namespace weft::registry
