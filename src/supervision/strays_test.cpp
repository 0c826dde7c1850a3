// SPDX-License-Identifier: Apache-2.0
// Against real processes of /bin/sh and /bin/sleep.
#include "supervision/strays.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "base/eventually.hpp"
#include "supervision/spawn.hpp"

namespace weft::supervision {
namespace {

using testing_support::eventually;

class StraysTest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(kill("", Mark::Match::beginning));
    for (const pid_t pid : children_) ::waitpid(pid, nullptr, 0);
  }
  /// A shell that leaves a process behind, in another session, and goes on.
  pid_t start(const std::string& value) {
    Command command{.program = "/bin/sh", .arguments = {"-c", "setsid sleep 1000 & exec sleep 1000"}};
    command.environment = {{"PATH", "/bin:/usr/bin"}, {variable_, value}};
    auto spawned = spawn(command);
    EXPECT_TRUE(spawned);
    children_.push_back(spawned->pid);
    // Both are there when two processes carry the mark: the search would miss one that is not yet.
    EXPECT_TRUE(eventually([&] { return count(value) == 2; }));
    return spawned->pid;
  }
  [[nodiscard]] int count(const std::string& value) const {
    const auto command = "grep -slzx '" + variable_ + "=" + value + "' /proc/[0-9]*/environ 2>/dev/null | wc -l";
    FILE* const pipe = ::popen(command.c_str(), "r");
    int number = 0;
    EXPECT_EQ(std::fscanf(pipe, "%d", &number), 1);
    ::pclose(pipe);
    return number;
  }
  Result<std::size_t> kill(const std::string& value, Mark::Match match = Mark::Match::whole) {
    return kill_strays({.variable = variable_, .value = value, .match = match});
  }

  std::string variable_ = "WEFT_STRAYS_TEST_" + std::to_string(::getpid());
  std::vector<pid_t> children_;
};

TEST_F(StraysTest, kills_what_carries_the_mark_wherever_it_went) {
  start("a/one");
  const auto killed = kill("a/one");
  ASSERT_TRUE(killed) << killed.error().to_string();
  EXPECT_EQ(*killed, 2U);
  EXPECT_EQ(count("a/one"), 0);
}

TEST_F(StraysTest, leaves_alone_what_carries_another) {
  start("a/one");
  EXPECT_EQ(*kill("a/on"), 0U);
  EXPECT_EQ(*kill("a/one/two", Mark::Match::beginning), 0U);
  EXPECT_EQ(*kill("b"), 0U);
  EXPECT_EQ(count("a/one"), 2);
}

TEST_F(StraysTest, kills_all_whose_mark_begins_so) {
  start("a/one");
  start("a/two");
  EXPECT_EQ(*kill("a/", Mark::Match::beginning), 4U);
}

TEST_F(StraysTest, does_not_end_the_one_who_looks) {
  ::setenv(variable_.c_str(), "self", 1);
  EXPECT_TRUE(kill("self"));
  ::unsetenv(variable_.c_str());
}

}  // namespace
}  // namespace weft::supervision
