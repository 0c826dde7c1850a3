// SPDX-License-Identifier: Apache-2.0
#include "base/temporary_folder.hpp"
#include "cli/fake_world.hpp"
#include "cli/image_options.hpp"
#include "cli/registry/keyring.hpp"
#include "cli/registry/local_artifact.hpp"
#include "registry/file.hpp"
#include "wire/jwt.hpp"
#include "wire/test_wasm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using weft::testing_support::TemporaryFolder;

class SigningTest : public testing::Test {
 protected:
  SigningTest() {
    world_.environment = {{"HOME", folder_.file("home")}, {"USER", "tester"}};
    write("cart.wasm", wire::component(""));
    write("program", "#!/bin/sh\n");
  }

  void write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_.file(name), std::ios::binary) << bytes;
  }
  /// What it printed, if it succeeded.
  std::string done(std::vector<std::string> words) {
    world_.console.out_text.clear();
    EXPECT_EQ(world_.run(std::move(words)), 0) << world_.console.err_text;
    return world_.console.out_text;
  }
  std::string refused(std::vector<std::string> words) {
    world_.console.err_text.clear();
    EXPECT_NE(world_.run(std::move(words)), 0) << world_.console.out_text;
    return world_.console.err_text;
  }
  [[nodiscard]] std::string keys() const { return folder_.file("home") + "/.local/share/wash/keys"; }

  TemporaryFolder folder_;
  FakeWorld world_;
};

TEST_F(SigningTest, a_component_is_signed_with_keys_that_are_made_once) {
  const auto out = folder_.file("s.wasm");
  EXPECT_THAT(done({"claims", "sign", folder_.file("cart.wasm"), "--destination", out, "--ver", "1.2"}),
              HasSubstr("signed"));
  EXPECT_THAT(world_.console.err_text, HasSubstr("made a new key"));
  const auto shown = done({"claims", "inspect", out});
  EXPECT_THAT(shown, HasSubstr("name        cart\n"));
  EXPECT_THAT(shown, HasSubstr("version     1.2 (revision 0)\n"));
  EXPECT_THAT(shown, HasSubstr("valid       yes\n"));
  world_.console.err_text.clear();
  done({"claims", "sign", folder_.file("cart.wasm"), "--destination", out, "--disable-keygen"});
  EXPECT_EQ(world_.console.err_text, "");
  EXPECT_THAT(done({"keys", "list"}), HasSubstr("tester_account"));
}

TEST_F(SigningTest, tokens_are_signed_by_operators_and_accounts) {
  const auto token = done({"claims", "token", "account", "--name", "shop"});
  const auto parts = wire::split_token(token.substr(0, token.size() - 1));
  ASSERT_TRUE(parts);
  EXPECT_THAT(parts->payload, HasSubstr(R"("wascap":{"name":"shop","valid_signers":[]})"));
  const auto named = done({"keys", "list"});
  EXPECT_THAT(named, HasSubstr("shop_operator"));
  EXPECT_THAT(named, HasSubstr("tester_account"));
  const auto operator_key = named.substr(named.find(" O") + 1, wire::kPublicKeyLength);
  EXPECT_TRUE(wire::verify_token(*parts, operator_key)) << named;
}

TEST_F(SigningTest, a_token_has_a_kind_a_name_and_only_options_of_its_kind) {
  EXPECT_THAT(refused({"claims", "token", "user", "--name", "x"}), HasSubstr("operator, account, component"));
  EXPECT_THAT(refused({"claims", "token", "account"}), HasSubstr("--name"));
  EXPECT_THAT(refused({"claims", "token", "account", "--name", "x", "--tag", "y"}), HasSubstr("'--tag'"));
  EXPECT_THAT(refused({"claims", "token", "operator", "--name", "x", "--additional-key", "y"}), HasSubstr("key"));
}

TEST_F(SigningTest, no_command_but_gen_shows_a_seed) {
  const auto made = done({"keys", "gen", "Component"});
  const auto seed = made.substr(made.find(" SM") + 1, wire::kSeedLength);
  EXPECT_TRUE(wire::KeyPair::from_seed(seed));
  done({"claims", "sign", folder_.file("cart.wasm")});
  const auto kept = registry::read_file(keys() + "/tester_account.nk", 100);
  ASSERT_TRUE(kept);
  const auto text = done({"keys", "list"}) + done({"keys", "get", "tester_account"}) + world_.console.err_text;
  EXPECT_THAT(text, Not(HasSubstr(*kept)));
  EXPECT_EQ(std::filesystem::status(keys() + "/tester_account.nk").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SigningTest, a_seed_of_another_kind_signs_nothing_and_is_not_shown) {
  const auto user = new_key(wire::KeyKind::user);
  const auto out = refused({"claims", "sign", folder_.file("cart.wasm"), "--issuer", user.seed()});
  EXPECT_THAT(out, HasSubstr("key of a user"));
  EXPECT_THAT(out, Not(HasSubstr(user.seed())));
  write("bad.nk", user.seed() + "x");
  EXPECT_THAT(refused({"claims", "sign", folder_.file("cart.wasm"), "--issuer", folder_.file("bad.nk")}),
              Not(HasSubstr(user.seed())));
}

TEST_F(SigningTest, an_archive_is_made_extended_and_shown) {
  const auto archive = folder_.file("kv.par");
  const std::vector<std::string> create{"par",      "create",       "--name",        "kv",
                                        "--vendor", "acme",         "--binary",      folder_.file("program"),
                                        "--arch",   "x86_64-linux", "--destination", archive};
  EXPECT_THAT(done(create), HasSubstr("provider V"));
  done({"par", "insert", archive, "--binary", folder_.file("program"), "--arch", "aarch64-linux"});
  for (const std::string command : {"par", ""}) {
    auto words = command.empty() ? std::vector<std::string>{"inspect", archive}
                                 : std::vector<std::string>{command, "inspect", archive};
    const auto shown = done(std::move(words));
    EXPECT_THAT(shown, HasSubstr("vendor      acme\n"));
    EXPECT_THAT(shown, HasSubstr("runs on     aarch64-linux (10 bytes)\n"));
    EXPECT_THAT(shown, HasSubstr("valid       yes\n"));
  }
  EXPECT_THAT(refused({"par", "insert", archive, "--binary", folder_.file("program"), "--arch", "nonsense"}),
              HasSubstr("no kind of machine"));
  EXPECT_THAT(refused({"par", "create", "--name", "kv", "--vendor", "acme"}), HasSubstr("--binary"));
}

TEST_F(SigningTest, what_a_file_says_cannot_control_the_terminal) {
  done({"claims", "sign", folder_.file("cart.wasm"), "--destination", folder_.file("s.wasm"), "--name", "a\x1b[2Jb"});
  const auto shown = done({"claims", "inspect", folder_.file("s.wasm")});
  EXPECT_THAT(shown, HasSubstr("a\\x1b[2Jb"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
}

TEST_F(SigningTest, claims_that_do_not_hold_are_shown_with_the_reason) {
  done({"claims", "sign", folder_.file("cart.wasm"), "--destination", folder_.file("s.wasm"), "--nbf", "3"});
  EXPECT_THAT(done({"claims", "inspect", folder_.file("s.wasm")}),
              HasSubstr("no: token cannot be used before `in 3days`"));
  EXPECT_THAT(refused({"claims", "inspect", folder_.file("cart.wasm")}), HasSubstr("not signed"));
  EXPECT_THAT(refused({"claims", "sign", folder_.file("cart.wasm"), "--expires", "soon"}), HasSubstr("number of days"));
}

TEST(LocalArtifactTest, tells_images_from_files) {
  EXPECT_TRUE(names_image("registry.example/shop/cart:1"));
  EXPECT_TRUE(names_image("oci://registry.example/shop/cart:1"));
  for (const std::string text : {"cart.wasm", "./shop/cart.wasm", "/shop/cart.wasm", "file:///cart.wasm", ""}) {
    EXPECT_FALSE(names_image(text)) << text;
  }
}

/// What the fake host was told to join with.
ArtifactConfig joined(std::vector<std::string> words, std::map<std::string, std::string> environment = {}) {
  FakeWorld world;
  world.environment = std::move(environment);
  EXPECT_NE(world.run(std::move(words)), 0);
  EXPECT_THAT(world.console.err_text, HasSubstr("the fake host joins no lattice"));
  return world.script.lattice_config.artifacts;
}

TEST(ImageOptionsTest, takes_the_variables_that_wash_sets) {
  const auto config = joined({"host"}, {{"WASMCLOUD_OCI_ALLOW_LATEST", "true"},
                                        {"WASMCLOUD_OCI_ALLOWED_INSECURE", "localhost:5000,other:5000"},
                                        {"WASMCLOUD_OCI_REGISTRY", "registry.example"},
                                        {"WASMCLOUD_OCI_REGISTRY_USER", "u"},
                                        {"WASMCLOUD_OCI_REGISTRY_PASSWORD", "p"},
                                        {"WASMCLOUD_TLS_CA_PATH", "/a.pem,/b.pem"}});
  EXPECT_TRUE(config.allow_latest);
  EXPECT_THAT(config.insecure_registries, ElementsAre("localhost:5000", "other:5000"));
  EXPECT_THAT(config.ca_files, ElementsAre("/a.pem", "/b.pem"));
  ASSERT_EQ(config.logins.size(), 1U);
  EXPECT_EQ(config.logins[0].registry + config.logins[0].user + config.logins[0].password, "registry.exampleup");
  EXPECT_FALSE(config.require_signed);
}

TEST(ImageOptionsTest, takes_options_of_both_daemons) {
  for (const std::string command : {"host", "up"}) {
    const auto config =
        joined({command, "--require-signed", "--allowed-issuer", "A1", "--allowed-issuer", "A2", "--artifact-cache",
                "/c", "--artifact-cache-size", "1g", "--docker-config", "/d.json", "--data-dir", "/tmp"});
    EXPECT_TRUE(config.require_signed);
    EXPECT_THAT(config.allowed_issuers, ElementsAre("A1", "A2"));
    EXPECT_EQ(config.cache_dir, "/c");
    EXPECT_EQ(config.cache_bytes, 1ULL << 30);
    EXPECT_EQ(config.docker_config, "/d.json");
    EXPECT_FALSE(config.allow_latest);
  }
}

TEST(ImageOptionsTest, refuses_halves) {
  FakeWorld world;
  EXPECT_EQ(world.run({"host", "--oci-registry", "r", "--oci-password", "s3cr3t"}), 2);
  EXPECT_EQ(world.run({"pull", "r.example/a/b:1", "--password", "s3cr3t"}), 2);
  EXPECT_EQ(world.run({"host"}), 4);
  world.environment["WASMCLOUD_OCI_ALLOW_LATEST"] = "perhaps";
  EXPECT_EQ(world.run({"host"}), 2);
  EXPECT_THAT(world.console.err_text, Not(HasSubstr("s3cr3t")));
}

}  // namespace
}  // namespace weft::cli
