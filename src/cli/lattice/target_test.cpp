// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/target.hpp"

#include "base/temporary_folder.hpp"
#include "cli/fake_world.hpp"
#include "cli/file.hpp"
#include "cli/lattice/contexts.hpp"
#include "cli/lattice/daemon_file.hpp"
#include "cli/lattice/process_end.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

namespace weft::cli {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;
using Variables = std::map<std::string, std::string>;

Arguments given(const Options& options) {
  Arguments arguments;
  for (const auto& [name, value] : options) arguments.add_option(name, value);
  return arguments;
}

class TargetTest : public testing::Test {
 protected:
  TargetTest() {
    std::filesystem::create_directories(folder.file("weft"));
    EXPECT_TRUE(write_file(folder.file("weft/contexts.json"), R"({
      "current": "shop",
      "contexts": {
        "shop": {"nats": ["10.0.0.5:4222"], "lattice": "shop", "creds": "/shop.creds", "host": "quiet"},
        "lab": {"data_dir": "/lab"},
        "bare": {}
      }})"));
    EXPECT_TRUE(write_daemon_file(folder.file(""), {.host_id = "NID", .lattice = "mine", .alone = true, .pid = 7}));
  }
  Result<LatticeTarget> target(const Options& options, Variables variables) {
    world.environment = std::move(variables);
    world.environment.try_emplace("XDG_CONFIG_HOME", folder.file(""));
    return lattice_target(given(options), world.context);
  }

  FakeWorld world;
  testing_support::TemporaryFolder folder;
};

TEST_F(TargetTest, the_nearer_source_of_an_address_wins) {
  struct Case {
    Options options;
    Variables variables;
    std::string address;
    std::string lattice;
  };
  const Variables wash{{"WASMCLOUD_CTL_HOST", "wash"}, {"WASMCLOUD_LATTICE", "wash"}};
  const Variables all{{"WASMCLOUD_CTL_HOST", "wash"}, {"WASMCLOUD_LATTICE", "wash"}, {"WEFT_NATS", "env"},
                      {"WEFT_LATTICE", "env"},        {"WEFT_DATA_DIR", "/env"},     {"WEFT_CONTEXT", "lab"}};
  const std::vector<Case> cases{
      {{}, {}, "nats://10.0.0.5:4222", "shop"},
      {{}, wash, "nats://wash:4222", "wash"},
      {{}, {{"WEFT_DATA_DIR", "/env"}, {"WASMCLOUD_CTL_HOST", "wash"}}, "/env", "default"},
      {{}, {{"WEFT_CONTEXT", "lab"}, {"WEFT_DATA_DIR", "/env"}}, "/lab", "default"},
      {{}, all, "nats://env", "env"},
      {{{"context", "lab"}}, all, "/lab", "env"},
      {{{"data-dir", "/flag"}}, all, "/flag", "env"},
      {{{"nats", "tls://flag"}, {"lattice", "flag"}}, all, "tls://flag", "flag"},
      {{{"lattice", "flag"}}, {}, "nats://10.0.0.5:4222", "flag"},
      {{{"nats", "flag"}}, {}, "nats://flag", "default"},
      {{{"socket", "/x/control.sock"}}, {}, "/x", "default"},
  };
  for (const auto& one : cases) {
    const auto found = target(one.options, one.variables);
    ASSERT_TRUE(found) << one.address << ": " << found.error().to_string();
    EXPECT_EQ(found->name(), one.address);
    EXPECT_EQ(found->lattice, one.lattice) << one.address;
  }
}

TEST_F(TargetTest, a_context_brings_its_credentials_and_its_host) {
  const auto found = target({{"nats-creds", "/mine.creds"}}, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->nats->credentials_file, "/mine.creds");
  EXPECT_EQ(target({}, {})->nats->credentials_file, "/shop.creds");
  EXPECT_EQ(target({}, {})->host, "quiet");
  EXPECT_EQ(target({{"host", "loud"}}, {})->host, "loud");
}

TEST_F(TargetTest, a_daemon_says_its_host_and_lattice_in_its_folder) {
  const auto found = target({{"data-dir", folder.file("")}}, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->daemon, "NID");
  EXPECT_EQ(found->lattice, "mine");
  EXPECT_TRUE(found->alone);
  EXPECT_EQ(found->socket, folder.file("") + "/control.sock");
}

TEST_F(TargetTest, credentials_of_wash_are_taken_over) {
  const auto found = target({}, {{"WASMCLOUD_NATS_PORT", "4333"},
                                 {"WASMCLOUD_CTL_JWT", "jwt"},
                                 {"WASMCLOUD_CTL_SEED", "seed"},
                                 {"WASMCLOUD_CTL_TLS", "true"},
                                 {"WASMCLOUD_CTL_TOPIC_PREFIX", "other.ctl"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name(), "nats://127.0.0.1:4333");
  EXPECT_EQ(found->nats->user_jwt, "jwt");
  EXPECT_TRUE(found->nats->require_tls);
  EXPECT_EQ(found->control_prefix, "other.ctl");
}

TEST_F(TargetTest, refuses_what_cannot_be_meant) {
  EXPECT_EQ(target({{"nats", "a"}, {"socket", "b"}}, {}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(target({{"context", "none"}}, {}).error().code(), Errc::not_found);
  EXPECT_THAT(target({{"context", "none"}}, {}).error().hint(), testing::HasSubstr("bare, lab, shop"));
  EXPECT_EQ(target({{"lattice", "a.b"}}, {}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(target({{"socket", "/x"}, {"nats-creds", "y"}}, {}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(target({{"gather", "soon"}}, {}).error().code(), Errc::invalid_argument);
}

TEST(ContextsTest, refuse_what_is_no_contexts_file) {
  EXPECT_EQ(parse_contexts("[", "here").error().code(), Errc::malformed);
  EXPECT_EQ(parse_contexts("{}", "here").error().code(), Errc::malformed);
  FakeWorld world;
  EXPECT_EQ(contexts_path(world.context), "");
  EXPECT_TRUE(read_contexts(world.context)->named.empty());
  world.environment["HOME"] = "/home/me";
  EXPECT_EQ(contexts_path(world.context), "/home/me/.config/weft/contexts.json");
}

TEST(DaemonFileTest, is_read_as_it_was_written_and_may_be_missing) {
  const testing_support::TemporaryFolder folder;
  EXPECT_FALSE(read_daemon_file(folder.file(""))->has_value());
  ASSERT_TRUE(write_daemon_file(folder.file(""), {.host_id = "NID", .lattice = "l", .alone = false, .pid = 42}));
  const auto read = read_daemon_file(folder.file(""));
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->pid, 42);
  EXPECT_FALSE((*read)->alone);
  remove_daemon_file(folder.file(""));
  EXPECT_FALSE(read_daemon_file(folder.file(""))->has_value());
  ASSERT_TRUE(write_file(folder.file("daemon.json"), "{}"));
  EXPECT_EQ(read_daemon_file(folder.file("")).error().code(), Errc::malformed);
}

TEST(WaitForProcessEndTest, ends_with_the_process_or_at_the_deadline) {
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe(gate.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(gate[1]);
    char byte = 0;
    ::_exit(::read(gate[0], &byte, 1) == 0 ? 0 : 1);
  }
  ::close(gate[0]);
  EXPECT_EQ(wait_for_process_end(child, std::chrono::milliseconds(10)).error().code(), Errc::deadline_exceeded);
  ::close(gate[1]);
  EXPECT_TRUE(wait_for_process_end(child, std::chrono::seconds(30)));
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(wait_for_process_end(child, std::chrono::milliseconds(10)));
  EXPECT_TRUE(wait_for_process_end(0, std::chrono::milliseconds(10)));
}

}  // namespace
}  // namespace weft::cli
