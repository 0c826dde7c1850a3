// SPDX-License-Identifier: Apache-2.0
#include "guest/component_loader.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/temporary_folder.hpp"

namespace weft::guest {
namespace {

namespace fs = std::filesystem;

/// All that was ever written has settled then.
std::int64_t next_year() { return wall_nanoseconds() + std::chrono::nanoseconds(std::chrono::hours(24 * 365)).count(); }

class ComponentLoaderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::create({});
    ASSERT_TRUE(engine) << engine.error().to_string();
    engine_ = std::make_unique<engine::Engine>(*std::move(engine));
    loader_ = std::make_unique<ComponentLoader>(*engine_, &next_year);
  }
  static fs::path app(const std::string& name) {
    const char* folder = std::getenv("WEFT_APPS_DIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return fs::path(folder == nullptr ? "build/apps" : folder) / (name + ".wasm");
  }
  std::shared_ptr<LoadedComponent> load(const std::string& id) {
    auto loaded = loader_->load_file(path_, {.id = id, .grants = {}, .limits = {}}, engine::Imports::all);
    EXPECT_TRUE(loaded) << loaded.error().to_string();
    return loaded ? loaded->component : nullptr;
  }

  testing_support::TemporaryFolder folder_;
  std::string path_ = folder_.file("app.wasm");
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<ComponentLoader> loader_;
};

TEST_F(ComponentLoaderTest, components_of_one_file_share_its_code) {
  fs::copy_file(app("hello-c"), path_);
  const auto one = load("one");
  const auto two = load("two");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(&one->info(), &two->info());
  EXPECT_EQ(two->id(), "two");
}

TEST_F(ComponentLoaderTest, a_file_that_was_written_again_or_replaced_is_read_again) {
  fs::copy_file(app("hello-c"), path_);
  const auto old = load("a");
  fs::copy_file(app("echo"), path_, fs::copy_options::overwrite_existing);
  const auto rewritten = load("a");
  ASSERT_TRUE(old && rewritten);
  EXPECT_NE(&old->info(), &rewritten->info());
  fs::copy_file(app("hello-c"), folder_.file("next"));
  fs::last_write_time(folder_.file("next"), fs::last_write_time(path_));
  fs::rename(folder_.file("next"), path_);
  const auto replaced = load("a");
  EXPECT_EQ(&replaced->info(), &old->info()) << "the first one's code, by its digest";
  fs::remove(path_);
  const auto gone = loader_->load_file(path_, {.id = "a", .grants = {}, .limits = {}}, engine::Imports::all);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Errc::not_found);
}

TEST_F(ComponentLoaderTest, a_file_that_has_just_been_written_may_change_without_a_trace) {
  fs::copy_file(app("hello-c"), path_);
  const auto stamp = stamp_of(path_);
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp, stamp_of(path_));
  EXPECT_FALSE(stamp->is_settled(wall_nanoseconds()));
  EXPECT_TRUE(stamp->is_settled(next_year()));
  EXPECT_FALSE(stamp_of(folder_.file("none")));
}

}  // namespace
}  // namespace weft::guest
