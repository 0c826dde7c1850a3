// SPDX-License-Identifier: Apache-2.0
// The files of a hierarchy stand in a folder here; the kernel's own is asked where it can be.
#include "supervision/cgroup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/temporary_folder.hpp"
#include "supervision/spawn.hpp"

namespace weft::supervision {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(group());
    write(group() / "cgroup.controllers", "cpuset cpu io memory pids\n");
    write(places().own, "12:pids:/old\n0::/system.slice/weft.service\n");
  }
  static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string read(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  fs::path group() { return folder_.file("mount") + "/system.slice/weft.service"; }
  CgroupTree::Places places() { return {.mount = folder_.file("mount"), .own = folder_.file("own")}; }

  testing_support::TemporaryFolder folder_;
};

TEST_F(CgroupTest, moves_us_to_a_leaf_and_hands_down_what_the_limits_need) {
  ASSERT_TRUE(CgroupTree::open("", {.memory_bytes = 1, .processes = 1}, places()));
  EXPECT_EQ(read(group() / "weft-host/cgroup.procs"), std::to_string(::getpid()));
  EXPECT_EQ(read(group() / "cgroup.subtree_control"), "+memory +pids");
}

TEST_F(CgroupTest, stays_where_it_is_when_that_was_done_before) {
  write(group() / "cgroup.subtree_control", "cpu memory\n");
  write(places().own, "0::/system.slice/weft.service/weft-host\n");
  ASSERT_TRUE(CgroupTree::open("", {.cpus = 1, .memory_bytes = 1}, places()));
  EXPECT_FALSE(fs::exists(group() / "weft-host"));
}

TEST_F(CgroupTest, uses_a_group_that_is_named) {
  write(places().own, "0::/elsewhere\n");
  ASSERT_TRUE(CgroupTree::open("/system.slice/weft.service", {.processes = 1}, places()));
  EXPECT_EQ(read(group() / "cgroup.subtree_control"), "+pids");
  EXPECT_FALSE(fs::exists(group() / "weft-host"));
}

TEST_F(CgroupTest, writes_the_limits_as_the_kernel_reads_them) {
  const CgroupLimits limits{.cpus = 1.5, .memory_bytes = 64U << 20U, .processes = 20};
  const auto tree = CgroupTree::open("", limits, places());
  ASSERT_TRUE(tree);
  const auto made = tree->make("provider-kv", limits);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->folder(), (group() / "provider-kv").string());
  EXPECT_EQ(read(group() / "provider-kv/cpu.max"), "150000 100000");
  EXPECT_EQ(read(group() / "provider-kv/memory.max"), "67108864");
  EXPECT_EQ(read(group() / "provider-kv/pids.max"), "20");
}

TEST_F(CgroupTest, names_the_controller_that_is_missing) {
  write(group() / "cgroup.controllers", "cpu pids\n");
  const auto tree = CgroupTree::open("", {.memory_bytes = 1}, places());
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code(), Errc::unsupported);
  EXPECT_THAT(tree.error().message(), HasSubstr("no controller 'memory'"));
  EXPECT_THAT(tree.error().hint(), HasSubstr("Delegate"));
}

TEST_F(CgroupTest, refuses_a_machine_without_cgroup_v2) {
  write(places().own, "4:memory:/x\n");
  EXPECT_EQ(CgroupTree::open("", {.memory_bytes = 1}, places()).error().code(), Errc::unsupported);
  write(places().own, "");
  EXPECT_EQ(CgroupTree::open("", {.memory_bytes = 1}, places()).error().code(), Errc::unsupported);
}

TEST_F(CgroupTest, refuses_limits_under_which_nothing_runs) {
  for (const CgroupLimits limits : {CgroupLimits{.cpus = 0}, CgroupLimits{.cpus = -1}, CgroupLimits{.memory_bytes = 0},
                                    CgroupLimits{.processes = 0}}) {
    EXPECT_EQ(CgroupTree::open("", limits, places()).error().code(), Errc::invalid_argument);
  }
}

// Needs no controller, only a hierarchy that we may write.
TEST(KernelCgroupTest, kills_all_that_is_in_a_group_also_what_left_its_session) {
  for (const std::string mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (!fs::exists(mount + "/cgroup.procs") || ::access(mount.c_str(), W_OK) != 0) continue;
    const auto tree = CgroupTree::open("/", {}, {.mount = mount, .own = "/proc/self/cgroup"});
    ASSERT_TRUE(tree) << tree.error().to_string();
    auto made = tree->make("weft-test-" + std::to_string(::getpid()), {});
    ASSERT_TRUE(made) << made.error().to_string();
    const auto folder = made->folder();
    Command command{.program = "/bin/sh", .arguments = {"-c", "setsid sleep 1000 & exec sleep 1000"}};
    command.environment = {{"PATH", "/bin:/usr/bin"}};
    command.cgroup = folder;
    const auto spawned = spawn(command);
    ASSERT_TRUE(spawned);
    char byte = 0;
    ASSERT_EQ(::read(spawned->exec_error.get(), &byte, 1), 0) << "it could not join";
    made->remove();
    EXPECT_FALSE(fs::exists(folder)) << "something is left in it";
    int status = 0;
    EXPECT_EQ(::waitpid(spawned->pid, &status, 0), spawned->pid);
    EXPECT_TRUE(WIFSIGNALED(status));
    return;
  }
  GTEST_SKIP() << "there is no cgroup v2 here that may be written";
}

}  // namespace
}  // namespace weft::supervision
