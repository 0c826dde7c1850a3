// SPDX-License-Identifier: Apache-2.0
#include "host/executables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/temporary_folder.hpp"
#include "registry/par_fixture.hpp"

namespace weft::host {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ExecutablesTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(folder_.file(name)) << content;
    return folder_.file(name);
  }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static wire::ImageRef ref(const std::string& text) { return *wire::parse_image_ref(text); }

  testing_support::TemporaryFolder folder_;
  static std::unique_ptr<registry::ArtifactStore> store(bool allow_files, registry::ClaimsPolicy policy = {}) {
    registry::ArtifactStoreConfig config;
    config.folder = testing::TempDir() + "/executables-test-cache";
    config.allow_file_load = allow_files;
    config.policy = std::move(policy);
    return *registry::ArtifactStore::open(std::move(config));
  }

  std::unique_ptr<registry::ArtifactStore> store_ = store(true);
  Executables executables_{folder_.file("run/programs"), *store_};
};

TEST_F(ExecutablesTest, takes_programs_into_a_folder_of_its_own_under_the_providers_id) {
  const auto script = file("script", "#!/bin/sh\necho hi\n");
  const auto provided = executables_.provide(ref("file://" + script), "kv");
  ASSERT_TRUE(provided) << provided.error().to_string();
  EXPECT_EQ(provided->path, folder_.file("run/programs/kv"));
  EXPECT_EQ(read(provided->path), "#!/bin/sh\necho hi\n");
  EXPECT_FALSE(provided->claims);
  struct stat status{};
  ASSERT_EQ(::stat(provided->path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat(folder_.file("run/programs").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U) << "it is nobody else's";
}

TEST_F(ExecutablesTest, a_new_one_takes_a_new_file_so_that_one_that_runs_is_left_alone) {
  const auto path = executables_.provide(ref("file://" + file("one", "#!one")), "kv")->path;
  const std::ifstream running(path);
  ASSERT_TRUE(executables_.provide(ref("file://" + file("two", "#!two")), "kv"));
  std::ostringstream text;
  text << running.rdbuf();
  EXPECT_EQ(text.str(), "#!one");
  EXPECT_EQ(read(path), "#!two");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_.file("run/programs"))) {
    static_cast<void>(entry);
    ++files;
  }
  EXPECT_EQ(files, 1U) << "nothing is left lying around";
}

TEST_F(ExecutablesTest, takes_this_machines_program_out_of_an_archive_with_its_claims) {
  using namespace registry::testing_support;
  const auto archive = archive_of({{registry::own_target(), "#!mine"}, {"z80-cpm", "other"}});
  const auto provided = executables_.provide(ref("file://" + file("kv.par", archive)), "kv");
  ASSERT_TRUE(provided) << provided.error().to_string();
  EXPECT_EQ(read(provided->path), "#!mine");
  ASSERT_TRUE(provided->claims);
  EXPECT_EQ(provided->claims->name, "keyvalue");
  EXPECT_EQ(provided->claims->revision, 4);
}

TEST_F(ExecutablesTest, an_archive_without_this_machine_or_with_another_program_is_refused) {
  using namespace registry::testing_support;
  const auto foreign = executables_.provide(ref("file://" + file("a.par", archive_of({{"z80-cpm", "x"}}))), "kv");
  EXPECT_EQ(foreign.error().code(), Errc::not_found);
  const auto forged = tar_entry({"claims.jwt", provider_token({{registry::own_target(), hash_of("signed")}})}) +
                      tar_entry({registry::own_target() + ".bin", "forged"}) + kTarEnd;
  EXPECT_EQ(executables_.provide(ref("file://" + file("b.par", forged)), "kv").error().code(), Errc::permission_denied);
  EXPECT_FALSE(fs::exists(folder_.file("run/programs/kv")));
}

TEST_F(ExecutablesTest, refuses_what_is_no_program) {
  for (const std::string content : {"", "text",
                                    "\x7f"
                                    "EL"}) {
    const auto provided = executables_.provide(ref("file://" + file("bad", content)), "kv");
    ASSERT_FALSE(provided);
    EXPECT_EQ(provided.error().code(), Errc::malformed) << content;
    EXPECT_THAT(provided.error().message(), HasSubstr("neither a provider archive nor a program"));
  }
  EXPECT_EQ(executables_.provide(ref("file:///nowhere"), "kv").error().code(), Errc::not_found);
  EXPECT_FALSE(fs::exists(folder_.file("run/programs/kv")));
}

TEST_F(ExecutablesTest, files_must_be_allowed) {
  const auto no_files = store(false);
  Executables strict(folder_.file("run/programs"), *no_files);
  const auto provided = strict.provide(ref("file://" + file("script", "#!/bin/sh")), "kv");
  EXPECT_EQ(provided.error().code(), Errc::permission_denied);
  EXPECT_THAT(provided.error().hint(), HasSubstr("--allow-file-load"));
}

TEST_F(ExecutablesTest, what_is_not_signed_by_whom_it_must_be_is_refused) {
  const auto signed_only = store(true, {.require_signed = true, .allowed_issuers = {}});
  Executables strict(folder_.file("run/programs"), *signed_only);
  const auto provided = strict.provide(ref("file://" + file("script", "#!/bin/sh")), "kv");
  EXPECT_EQ(provided.error().code(), Errc::permission_denied);
  EXPECT_THAT(provided.error().hint(), HasSubstr("weft par create"));
}

TEST_F(ExecutablesTest, without_a_folder_it_makes_one_that_goes_with_it) {
  std::string path;
  {
    Executables temporary("", *store_);
    path = temporary.provide(ref("file://" + file("script", "#!/bin/sh")), "kv")->path;
    EXPECT_TRUE(fs::exists(path));
    temporary.remove("kv");
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(fs::path(path).parent_path()));
}

}  // namespace
}  // namespace weft::host
