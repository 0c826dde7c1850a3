// SPDX-License-Identifier: Apache-2.0
// What may happen to a store: sudden death, a full disk, damage, a second opener, a newer weft.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "async/shard_call.hpp"
#include "base/temporary_folder.hpp"
#include "bus/sqlite_store.hpp"

extern char** environ;

namespace weft::bus {
namespace {

using namespace std::chrono_literals;
using weft::testing_support::TemporaryFolder;

class SqliteFaultTest : public testing::Test {
 protected:
  SqliteFaultTest() { shard_.start(); }

  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  std::shared_ptr<KeyValue> bucket_of(SqliteStore& store, const std::string& name = "kill") {
    auto bucket = wait(store.open_bucket(name));
    EXPECT_TRUE(bucket) << bucket.error().to_string();
    return bucket ? *bucket : nullptr;
  }
  /// Makes a store with a few hundred entries and closes it.
  void fill() {
    auto store = SqliteStore::open(path_);
    ASSERT_TRUE(store) << store.error().to_string();
    const auto bucket = bucket_of(**store);
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(wait(bucket->put("key." + std::to_string(i), std::string(500, 'x'))));
    }
  }
  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
  void overwrite(std::size_t offset, const std::string& with) const {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << with;
  }
  Error open_error() {
    auto store = SqliteStore::open(path_);
    EXPECT_FALSE(store);
    return store ? Error(Errc::internal, "opened") : store.error();
  }

  async::Shard shard_{0};
  TemporaryFolder folder_;
  std::string path_ = folder_.file("lattice.db");
};

/// A writer process and the pipe it tells its acknowledged writes through.
class Writer {
 public:
  Writer(const std::string& path, std::uint64_t first) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    read_end_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = WEFT_STORE_WRITER;
    std::string file = path;
    std::string number = std::to_string(first);
    char* arguments[] = {program.data(), file.data(), number.data(), nullptr};
    if (::posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments, environ) != 0) process_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
  }
  ~Writer() {
    kill();
    ::close(read_end_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void read_for(std::chrono::microseconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    for (auto left = duration; left > 0us;
         left = std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now())) {
      pollfd wanted{.fd = read_end_, .events = POLLIN, .revents = 0};
      const timespec timeout{.tv_sec = left.count() / 1'000'000, .tv_nsec = left.count() % 1'000'000 * 1000};
      if (::ppoll(&wanted, 1, &timeout, nullptr) > 0 && !read_some()) return;
    }
  }
  /// Until the first acknowledged write; false if there is none in time.
  bool wait_for_first() {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (text_.empty() && std::chrono::steady_clock::now() < end) read_for(1ms);
    return !text_.empty();
  }
  void kill() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
      process_ = -1;
      while (read_some()) {
      }
    }
  }
  /// The newest acknowledged number of each key.
  std::map<std::string, std::uint64_t> acknowledged() const {
    std::map<std::string, std::uint64_t> newest;
    std::istringstream lines(text_.substr(0, text_.rfind('\n') + 1));
    std::string key;
    std::uint64_t number = 0;
    while (lines >> key >> number) newest[key] = std::max(newest[key], number);
    return newest;
  }

 private:
  bool read_some() {
    char buffer[65536];
    const ssize_t count = ::read(read_end_, buffer, sizeof buffer);
    if (count <= 0) return false;
    text_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }
  int read_end_ = -1;
  pid_t process_ = -1;
  std::string text_;
};

TEST_F(SqliteFaultTest, loses_nothing_acknowledged_when_killed_at_any_instant) {
  const char* given = std::getenv("WEFT_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("WEFT_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> instant(0, 25'000);
  std::map<std::string, std::uint64_t> expected;
  std::uint64_t first = 1;
  std::size_t acknowledged = 0;
  for (int round = 0; round < 200; ++round) {
    Writer writer(path_, first);
    // Every eighth is killed while it starts, and recovers the log perhaps.
    if (round % 8 != 7) ASSERT_TRUE(writer.wait_for_first()) << "round " << round;
    writer.read_for(std::chrono::microseconds(instant(random)));
    writer.kill();
    for (const auto& [key, number] : writer.acknowledged()) {
      expected[key] = number;
      ++acknowledged;
    }
    auto store = SqliteStore::open(path_);
    ASSERT_TRUE(store) << "round " << round << ": " << store.error().to_string();
    const auto bucket = bucket_of(**store);
    for (const auto& [key, number] : expected) {
      const auto entry = wait(bucket->get(key));
      ASSERT_TRUE(entry && *entry) << "round " << round << ": " << key << " is missing";
      // A later write may have reached the disk unacknowledged; an earlier one means a loss.
      ASSERT_GE(std::strtoull((*entry)->value.c_str(), nullptr, 10), number) << "round " << round << ": " << key;
    }
    first += 100'000;
  }
  EXPECT_GT(acknowledged, 1000U);
}

TEST_F(SqliteFaultTest, refuses_a_second_opener_of_another_process) {
  Writer writer(path_, 1);
  ASSERT_TRUE(writer.wait_for_first());
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::unavailable);
  EXPECT_NE(error.message().find("another weft runs"), std::string::npos);
  EXPECT_NE(error.message().find(path_), std::string::npos);
  writer.kill();
  EXPECT_TRUE(SqliteStore::open(path_));
}

TEST_F(SqliteFaultTest, waits_for_one_that_is_being_killed) {
  Writer writer(path_, 1);
  ASSERT_TRUE(writer.wait_for_first());
  std::promise<void> begun;
  auto opening = std::async(std::launch::async, [&] {
    begun.set_value();
    return SqliteStore::open(path_).has_value();
  });
  begun.get_future().wait();
  writer.kill();
  EXPECT_TRUE(opening.get());
}

TEST_F(SqliteFaultTest, refuses_a_second_opener_of_the_same_process) {
  auto store = SqliteStore::open(path_);
  ASSERT_TRUE(store);
  EXPECT_EQ(open_error().code(), Errc::unavailable);
  // The refused one has not given up the first one's lock.
  EXPECT_EQ(open_error().code(), Errc::unavailable);
  EXPECT_TRUE(wait(bucket_of(**store)->put("a", "1")));
}

TEST_F(SqliteFaultTest, refuses_a_file_that_is_no_database_and_leaves_it_alone) {
  std::ofstream(path_) << std::string(5000, 'x');
  const std::string before = bytes();
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_NE(error.message().find(path_), std::string::npos);
  EXPECT_NE(error.hint().find("--data-dir"), std::string::npos);
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFaultTest, refuses_a_damaged_file_and_leaves_it_alone) {
  fill();
  const std::size_t size = bytes().size();
  ASSERT_GT(size, 16'384U);
  // Everything behind the first two pages.
  overwrite(8192, std::string(size - 8192, '\x5a'));
  const std::string before = bytes();
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed) << error.to_string();
  EXPECT_NE(error.message().find(path_), std::string::npos);
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFaultTest, opens_or_refuses_a_file_with_any_page_damaged) {
  fill();
  const std::string whole = bytes();
  for (std::size_t page = 0; page < whole.size(); page += 4096) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole;
    overwrite(page, std::string(64, '\x00'));
    const auto store = SqliteStore::open(path_);
    if (!store) {
      EXPECT_TRUE(store.error().code() == Errc::malformed) << store.error().to_string();
    }
  }
}

TEST_F(SqliteFaultTest, refuses_a_file_that_was_cut) {
  fill();
  const std::string whole = bytes();
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole.substr(0, whole.size() / 2);
  EXPECT_EQ(open_error().code(), Errc::malformed);
}

TEST_F(SqliteFaultTest, refuses_the_file_of_a_newer_weft) {
  fill();
  // Bytes 60 to 63 of the first page are the user version (SQLite file format, section 1.3).
  overwrite(60, std::string("\0\0\0\x09", 4));
  const std::string before = bytes();
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::unsupported);
  EXPECT_NE(error.message().find("newer weft"), std::string::npos);
  EXPECT_NE(error.message().find("version 9"), std::string::npos);
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteFaultTest, refuses_the_database_of_another_program) {
  fill();
  overwrite(68, "else");  // the application id
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_NE(error.message().find("no store of weft"), std::string::npos);
}

TEST_F(SqliteFaultTest, stays_readable_when_it_is_full_and_writes_again_when_there_is_room) {
  auto store = SqliteStore::open(path_, {.max_pages = 64});
  ASSERT_TRUE(store);
  const auto bucket = bucket_of(**store);
  int stored = 0;
  Errc code = Errc::internal;
  for (; stored < 1000; ++stored) {
    const auto outcome = wait(bucket->put("key." + std::to_string(stored), std::string(2000, 'x')));
    if (!outcome) {
      code = outcome.error().code();
      break;
    }
  }
  EXPECT_EQ(code, Errc::resource_exhausted);
  EXPECT_GT(stored, 10);
  EXPECT_EQ(wait(bucket->list())->size(), static_cast<std::size_t>(stored));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(wait(bucket->erase("key." + std::to_string(i))));
  EXPECT_TRUE(wait(bucket->put("again", std::string(2000, 'y'))));
}

/// While it lives, no file of this process grows past `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_F(SqliteFaultTest, outlives_a_disk_that_takes_no_more) {
  auto store = SqliteStore::open(path_);
  ASSERT_TRUE(store);
  const auto bucket = bucket_of(**store);
  int stored = 0;
  {
    const FileSizeLimit limit(rlim_t{512} * 1024);
    for (; stored < 1000; ++stored) {
      const auto outcome = wait(bucket->put("key." + std::to_string(stored), std::string(20'000, 'x')));
      if (!outcome) {
        EXPECT_EQ(outcome.error().code(), Errc::resource_exhausted) << outcome.error().to_string();
        break;
      }
    }
    EXPECT_LT(stored, 1000);
    EXPECT_EQ(wait(bucket->list())->size(), static_cast<std::size_t>(stored));
    EXPECT_FALSE(wait(bucket->put("more", std::string(20'000, 'x'))));
  }
  EXPECT_TRUE(wait(bucket->put("again", std::string(20'000, 'y'))));
  EXPECT_EQ(wait(bucket->list())->size(), static_cast<std::size_t>(stored) + 1);
}

}  // namespace
}  // namespace weft::bus
