// SPDX-License-Identifier: Apache-2.0
#include "registry/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder.hpp"

namespace weft::registry {
namespace {

using weft::testing_support::TemporaryFolder;

std::size_t files_beside(const std::string& path) {
  const std::filesystem::directory_iterator all(std::filesystem::path(path).parent_path());
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(FileTest, reads_no_more_than_is_allowed) {
  const TemporaryFolder folder;
  const auto path = folder.file("x");
  std::ofstream(path) << "hello";
  EXPECT_EQ(read_file(path, 5).operator*(), "hello");
  EXPECT_EQ(read_file(path, 4).error().code(), Errc::resource_exhausted);
  EXPECT_EQ(read_file(folder.file("none"), 5).error().code(), Errc::not_found);
}

TEST(FileTest, does_not_wait_for_a_pipe) {
  const TemporaryFolder folder;
  const auto path = folder.file("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(open_regular_file(path, 10).error().code(), Errc::invalid_argument);
  EXPECT_EQ(open_regular_file(std::filesystem::path(path).parent_path(), 10).error().code(), Errc::invalid_argument);
}

TEST(NewFileTest, puts_the_whole_file_in_place) {
  const TemporaryFolder folder;
  const auto path = folder.file("x");
  std::ofstream(path) << "old";
  auto file = NewFile::create(path);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("new "));
  ASSERT_TRUE(file->write("text"));
  EXPECT_EQ(read_file(path, 100).operator*(), "old");
  ASSERT_TRUE(file->commit(0755));
  EXPECT_EQ(read_file(path, 100).operator*(), "new text");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  EXPECT_EQ(files_beside(path), 1U);
}

TEST(NewFileTest, leaves_nothing_behind_without_commit) {
  const TemporaryFolder folder;
  const auto path = folder.file("x");
  {
    auto file = NewFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half"));
    const auto moved = *std::move(file);
    EXPECT_EQ(files_beside(path), 1U);
  }
  EXPECT_EQ(files_beside(path), 0U);
  EXPECT_EQ(NewFile::create(folder.file("no/such/folder")).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace weft::registry
