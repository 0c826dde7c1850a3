// SPDX-License-Identifier: Apache-2.0
#include "lattice/turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/on_shard.hpp"
#include "async/shard_call.hpp"
#include "async/task_scope.hpp"

namespace weft::lattice {
namespace {

using Notes = std::vector<std::string>;

/// Holds the turn until `release` is completed.
async::Task<void> hold(std::shared_ptr<Turns> turns, std::string name, std::string note, Notes* notes,
                       std::optional<async::Completion<void>>* release) {
  WEFT_CO_TRY(const auto turn, co_await turns->take(name));
  notes->push_back(note);
  if (release != nullptr) {
    WEFT_CO_CHECK(co_await async::wait_for_completion<void>(
        [release](async::Completion<void> done) { release->emplace(std::move(done)); }));
    notes->push_back(note + " ends");
  }
  co_return Result<void>();
}

class TurnsTest : public testing::Test {
 protected:
  TurnsTest() { shard_.start(); }
  ~TurnsTest() override {
    first_.close_and_wait();
    others_.close_and_wait();
    shard_.stop();
  }
  void take(async::TaskScope& scope, const std::string& name, const std::string& note,
            std::optional<async::Completion<void>>* release = nullptr) {
    scope.spawn(note, hold(turns_, name, note, &notes_, release));
  }
  /// When everything that could run has run: the shard's queue is in order, and a turn takes a few rounds to pass on.
  Notes notes() {
    Notes copy;
    for (int round = 0; round < 10; ++round) on_shard([&] { copy = notes_; });
    return copy;
  }
  template <class Work>
  void on_shard(Work work) {
    async::on_shard(shard_, work);
  }

  async::Shard shard_{0};
  std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
  Notes notes_;
  std::optional<async::Completion<void>> release_;
  async::TaskScope first_{shard_}, others_{shard_};
};

TEST_F(TurnsTest, those_of_one_name_come_one_after_the_other_in_the_order_they_asked) {
  take(first_, "cart", "first", &release_);
  take(others_, "cart", "second");
  take(others_, "cart", "third");
  EXPECT_THAT(notes(), testing::ElementsAre("first"));
  on_shard([this] { release_->complete({}); });
  EXPECT_THAT(notes(), testing::ElementsAre("first", "first ends", "second", "third"));
  take(others_, "cart", "later");
  EXPECT_THAT(notes(), testing::Contains("later")) << "the last has left the turn free";
}

TEST_F(TurnsTest, other_names_do_not_wait) {
  take(first_, "cart", "first", &release_);
  take(others_, "shop", "another");
  EXPECT_THAT(notes(), testing::ElementsAre("first", "another"));
}

TEST_F(TurnsTest, who_is_cancelled_while_it_waits_is_passed_over) {
  take(first_, "cart", "first", &release_);
  async::TaskScope leaving(shard_);
  take(leaving, "cart", "leaves");
  take(others_, "cart", "stays");
  EXPECT_THAT(notes(), testing::ElementsAre("first"));
  leaving.close_and_wait();
  on_shard([this] { release_->complete({}); });
  EXPECT_THAT(notes(), testing::ElementsAre("first", "first ends", "stays"));
}

TEST_F(TurnsTest, who_is_cancelled_in_its_turn_gives_it_up) {
  take(first_, "cart", "first", &release_);
  take(others_, "cart", "second");
  EXPECT_THAT(notes(), testing::ElementsAre("first"));
  first_.close_and_wait();
  EXPECT_THAT(notes(), testing::ElementsAre("first", "second"));
}

}  // namespace
}  // namespace weft::lattice
