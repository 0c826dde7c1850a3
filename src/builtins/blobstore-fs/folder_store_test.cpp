// SPDX-License-Identifier: Apache-2.0
// Objects as files: what names may not do, and what is left of what did not come whole.
#include "builtins/blobstore-fs/folder_store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/temporary_folder.hpp"
#include "base/unique_fd.hpp"

namespace weft::builtins::blobstore_fs {
namespace {

namespace fs = std::filesystem;
using blobstore::ObjectId;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class FolderStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = folder_ / "root";
    auto opened = FolderStore::open(root_);
    ASSERT_TRUE(opened);
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->create_container("box"));
    fs::create_directory(folder_ / "secret");
    std::ofstream(folder_ / "secret" / "key") << "secret";
  }
  /// "ok", or why not.
  std::string put(const ObjectId& id, const std::string& text) {
    auto writer = store_->write_object(id);
    if (!writer) return writer.error();
    if (auto written = (*writer)->write(bytes_of(text)); !written) return written.error();
    auto done = (*writer)->commit();
    return done ? "ok" : done.error();
  }
  std::string get(const ObjectId& id, std::uint64_t start = 0, std::uint64_t end = UINT64_MAX) {
    auto reader = store_->read_object(id, start, end);
    if (!reader) return "(" + reader.error() + ")";
    std::string text;
    while (true) {
      const auto piece = (*reader)->read();
      if (!piece) return "(" + piece.error() + ")";
      if (piece->empty()) return text;
      text.append(reinterpret_cast<const char*>(piece->data()), piece->size());
    }
  }
  std::vector<std::string> names(const std::string& container = "box") {
    std::vector<std::string> all;
    auto reader = store_->list(container);
    if (!reader) return {"(" + reader.error() + ")"};
    while (true) {
      const auto some = (*reader)->read();
      if (!some) return {"(" + some.error() + ")"};
      if (some->empty()) return all;
      all.insert(all.end(), some->begin(), some->end());
    }
  }
  std::string secret() {
    std::string text;
    std::ifstream(folder_ / "secret" / "key") >> text;
    return text;
  }

  testing_support::TemporaryFolder temporary_;
  fs::path folder_ = temporary_.file("");
  fs::path root_;
  std::unique_ptr<FolderStore> store_;
};

TEST_F(FolderStoreTest, keeps_what_it_was_given) {
  EXPECT_EQ(put({"box", "a"}, "hello"), "ok");
  EXPECT_EQ(put({"box", "deep/er/b"}, std::string(300'000, 'b')), "ok");
  EXPECT_EQ(put({"box", "empty"}, ""), "ok");
  EXPECT_EQ(get({"box", "a"}), "hello");
  EXPECT_EQ(get({"box", "a"}, 1, 3), "el");
  EXPECT_EQ(get({"box", "a"}, 5, 9), "");
  EXPECT_EQ(get({"box", "a"}, UINT64_MAX - 1, UINT64_MAX), "");
  EXPECT_EQ(get({"box", "deep/er/b"}), std::string(300'000, 'b'));
  EXPECT_THAT(names(), UnorderedElementsAre("a", "deep/er/b", "empty"));
  EXPECT_EQ(store_->object_info({"box", "a"})->size, 5U);
}

TEST_F(FolderStoreTest, no_name_leads_out) {
  for (const std::string name : {"", ".", "..", "../secret/key", "a/../../secret/key", "/etc/passwd", "a//b", "a/",
                                 "./a", ".weft-0", "a/.weft-0/b"}) {
    EXPECT_NE(put({"box", name}, "x"), "ok") << name;
    EXPECT_THAT(get({"box", name}), HasSubstr("cannot be the name of")) << name;
    EXPECT_FALSE(store_->has_object({"box", name})) << name;
    EXPECT_FALSE(store_->delete_object({"box", name})) << name;
    EXPECT_FALSE(store_->move_object({"box", name}, {"box", "moved"})) << name;
    EXPECT_FALSE(store_->copy_object({"box", name}, {"box", "copied"})) << name;
  }
  using namespace std::string_literals;
  for (const std::string& name : {""s, "."s, ".."s, "../secret"s, "a/b"s, ".weft-"s, std::string(256, 'n'), "a\0b"s}) {
    EXPECT_FALSE(store_->create_container(name)) << name;
    EXPECT_FALSE(store_->delete_container(name)) << name;
    EXPECT_FALSE(store_->list(name)) << name;
    EXPECT_NE(put({name, "key"}, "x"), "ok") << name;
  }
  EXPECT_EQ(secret(), "secret");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(FolderStoreTest, has_limits) {
  std::string most;
  for (std::size_t part = 1; part < kMaxParts; ++part) most += "p/";
  EXPECT_EQ(put({"box", most + "o"}, "x"), "ok");
  EXPECT_EQ(get({"box", most + "o"}), "x");
  EXPECT_NE(put({"box", most + "p/o"}, "x"), "ok");
  EXPECT_EQ(put({"box", std::string(255, 'n')}, "x"), "ok");
  EXPECT_NE(put({"box", std::string(256, 'n')}, "x"), "ok");
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(FolderStoreTest, no_link_is_followed) {
  fs::create_symlink(folder_ / "secret" / "key", root_ / "box" / "link");
  fs::create_directory_symlink(folder_ / "secret", root_ / "box" / "way");
  fs::create_directory_symlink(folder_ / "secret", root_ / "out");
  for (const ObjectId& id : {ObjectId{"box", "link"}, ObjectId{"box", "way/key"}, ObjectId{"out", "key"}}) {
    EXPECT_THAT(get(id), HasSubstr("(")) << id.object;
    EXPECT_FALSE(store_->object_info(id)) << id.object;
    EXPECT_FALSE(store_->copy_object(id, {"box", "copy"})) << id.object;
    EXPECT_FALSE(store_->move_object(id, {"box", "moved"})) << id.object;
  }
  EXPECT_NE(put({"box", "way/new"}, "x"), "ok");
  EXPECT_NE(put({"out", "new"}, "x"), "ok");
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_FALSE(*store_->container_exists("out"));
  EXPECT_FALSE(store_->clear_container("out"));
  // An object takes a link's place; a container that is emptied loses the links, not what they led to.
  EXPECT_EQ(put({"box", "link"}, "mine"), "ok");
  EXPECT_EQ(get({"box", "link"}), "mine");
  EXPECT_TRUE(store_->delete_container("box"));
  EXPECT_EQ(secret(), "secret");
  EXPECT_FALSE(fs::exists(folder_ / "secret" / "new"));
}

TEST_F(FolderStoreTest, an_object_appears_whole_or_not_at_all) {
  EXPECT_EQ(put({"box", "a"}, "old"), "ok");
  {
    auto writer = store_->write_object({"box", "a"});
    ASSERT_TRUE(writer);
    EXPECT_TRUE((*writer)->write(bytes_of("new")));
    EXPECT_EQ(get({"box", "a"}), "old");
    EXPECT_THAT(names(), UnorderedElementsAre("a"));
  }
  EXPECT_EQ(get({"box", "a"}), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "box"), {}), 1) << "what was given up is gone";
  EXPECT_EQ(put({"box", "a"}, "new"), "ok");
  EXPECT_EQ(get({"box", "a"}), "new");
}

TEST_F(FolderStoreTest, a_killed_process_leaves_nothing_of_its_uploads) {
  const base::UniqueFd probe(::open(root_.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (!probe) GTEST_SKIP() << "this file system has no files without names";
  const auto child = ::fork();
  if (child == 0) {
    auto writer = store_->write_object({"box", "a"});
    const bool is_written = writer && (*writer)->write(bytes_of("half"));
    ::_exit(is_written ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(fs::is_empty(root_ / "box"));
}

TEST_F(FolderStoreTest, what_a_crash_left_is_no_object_and_goes_with_its_container) {
  std::ofstream(root_ / "box" / ".weft-0123456789abcdef") << "half";
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_FALSE(store_->has_object({"box", ".weft-0123456789abcdef"}));
  EXPECT_THAT(get({"box", ".weft-0123456789abcdef"}), HasSubstr("cannot be the name of"));
  EXPECT_TRUE(store_->clear_container("box"));
  EXPECT_TRUE(fs::is_empty(root_ / "box"));
  EXPECT_TRUE(store_->delete_container("box"));
}

TEST_F(FolderStoreTest, what_is_no_plain_file_is_no_object_and_nobody_waits_for_it) {
  ASSERT_EQ(::mkfifo((root_ / "box" / "pipe").c_str(), 0600), 0);
  fs::create_directory(root_ / "box" / "folder");
  EXPECT_THAT(get({"box", "pipe"}), HasSubstr("is no object"));
  EXPECT_FALSE(*store_->has_object({"box", "pipe"}));
  EXPECT_FALSE(*store_->has_object({"box", "folder"}));
  EXPECT_FALSE(*store_->has_object({"box", "missing/way"}));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_NE(put({"box", "folder"}, "x"), "ok");
}

TEST_F(FolderStoreTest, says_what_is_missing_and_not_where) {
  EXPECT_THAT(get({"none", "a"}), HasSubstr("container `none` does not exist"));
  EXPECT_THAT(get({"box", "a"}), HasSubstr("No such file"));
  EXPECT_THAT(get({"box", "a"}), testing::Not(HasSubstr(folder_.string())));
  EXPECT_TRUE(store_->delete_object({"box", "a"})) << "it is deleted already";
  EXPECT_FALSE(store_->move_object({"box", "a"}, {"box", "b"}));
}

TEST(FolderStoreOpenTest, a_root_that_cannot_be_is_refused) {
  const auto opened = FolderStore::open("/dev/null/objects");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::io);
  EXPECT_THAT(opened.error().to_string(), HasSubstr("`root`"));
}

}  // namespace
}  // namespace weft::builtins::blobstore_fs
