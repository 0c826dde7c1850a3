// SPDX-License-Identifier: Apache-2.0
#include "registry/content_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder.hpp"
#include "registry/oci_manifest.hpp"

namespace weft::registry {
namespace {

using weft::testing_support::TemporaryFolder;

class ContentCacheTest : public ::testing::Test {
 protected:
  ContentCache open(std::uint64_t max_bytes = 1'000'000) {
    auto cache = ContentCache::open(folder_.file("cache"), max_bytes);
    EXPECT_TRUE(cache) << cache.error().to_string();
    return *std::move(cache);
  }
  static Content keep(ContentCache& cache, std::string_view bytes) {
    auto file = cache.begin();
    EXPECT_TRUE(file && file->write(bytes));
    auto content = cache.keep(*std::move(file), digest_text(bytes), 0400);
    EXPECT_TRUE(content) << content.error().to_string();
    return *std::move(content);
  }
  static bool has(ContentCache& cache, std::string_view bytes) { return cache.find(digest_text(bytes))->has_value(); }
  /// As if it had been used so long ago.
  static void age(const std::string& path, int seconds) {
    timespec times[2]{};
    ::clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  TemporaryFolder folder_;
};

TEST_F(ContentCacheTest, finds_what_was_kept_also_from_another_host) {
  auto cache = open();
  EXPECT_FALSE(has(cache, "hello"));
  const auto content = keep(cache, "hello");
  EXPECT_EQ(read_file(content.path(), 100).operator*(), "hello");
  auto other = open();
  EXPECT_TRUE(has(other, "hello"));
  EXPECT_EQ(keep(other, "hello").path(), content.path());
  EXPECT_EQ(cache.used(), 5U);
}

TEST_F(ContentCacheTest, does_not_believe_its_own_files) {
  auto cache = open();
  std::string path;
  {
    const auto content = keep(cache, "hello");
    path = content.path();
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  std::ofstream(path) << "jello";
  EXPECT_FALSE(has(cache, "hello"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ContentCacheTest, removes_the_least_recently_used) {
  auto cache = open(10);
  const auto path_a = keep(cache, "aaaa").path();
  age(path_a, 300);
  age(keep(cache, "bbbb").path(), 200);
  EXPECT_TRUE(has(cache, "aaaa"));  // used now
  keep(cache, "cccc");
  EXPECT_TRUE(has(cache, "aaaa"));
  EXPECT_FALSE(has(cache, "bbbb"));
  EXPECT_TRUE(has(cache, "cccc"));
}

TEST_F(ContentCacheTest, does_not_remove_what_is_in_use) {
  auto cache = open(10);
  const auto held = keep(cache, "aaaa");
  age(held.path(), 300);
  keep(cache, "bbbb");
  keep(cache, "cccc");
  EXPECT_TRUE(has(cache, "aaaa"));
  auto large = keep(cache, std::string(100, 'x'));
  EXPECT_TRUE(std::filesystem::exists(large.path()));
  EXPECT_TRUE(std::filesystem::exists(held.path()));
}

TEST_F(ContentCacheTest, refuses_a_folder_that_others_write_to) {
  const auto path = folder_.file("cache");
  std::filesystem::create_directory(path);
  std::filesystem::permissions(path, std::filesystem::perms::all);
  EXPECT_EQ(ContentCache::open(path, 10).error().code(), Errc::permission_denied);
  EXPECT_EQ(ContentCache::open("/proc/nowhere", 10).error().code(), Errc::not_found);
}

TEST_F(ContentCacheTest, sweeps_downloads_that_were_left_over) {
  auto cache = open();
  auto fresh = cache.begin();
  const auto left = folder_.file("cache/content/new.abcdef");
  std::ofstream(left) << "half";
  age(left, 2 * 24 * 3600);
  open();
  EXPECT_FALSE(std::filesystem::exists(left));
  ASSERT_TRUE(fresh->write("whole"));
  EXPECT_TRUE(cache.keep(*std::move(fresh), digest_text("whole"), 0400));
}

TEST_F(ContentCacheTest, keeps_notes) {
  auto cache = open();
  EXPECT_EQ(cache.find_note("image-1"), std::nullopt);
  ASSERT_TRUE(cache.put_note("image-1", "one"));
  ASSERT_TRUE(cache.put_note("image-1", "two"));
  EXPECT_EQ(cache.find_note("image-1"), "two");
  EXPECT_FALSE(cache.put_note("../x", "no"));
  EXPECT_EQ(cache.find_note("../content/x"), std::nullopt);
}

TEST_F(ContentCacheTest, one_at_a_time_holds_a_lock) {
  auto cache = open();
  auto other = open();
  auto held = cache.lock("x", {});
  ASSERT_TRUE(held);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(other.lock("x", stop.get_token()).error().code(), Errc::cancelled);
  held->reset();
  EXPECT_TRUE(other.lock("x", stop.get_token()));
}

}  // namespace
}  // namespace weft::registry
