// SPDX-License-Identifier: Apache-2.0
/// What the tests of the tree share: nodes that do what the test says, and a record of what was asked of them.
/// Threads: one.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervision/fake_runtime.hpp"
#include "supervision/tree.hpp"

namespace weft::supervision {

/// How incarnations of one child behave.
struct Script {
  enum class Start { ready, started, silent, fails, ends } start = Start::ready;
  enum class Stop { ends, silent, fails } stop = Stop::ends;
  enum class Kill { ends, silent } kill = Kill::ends;
};

class TreeTest : public testing::Test {
 protected:
  class ScriptedNode final : public Node {
   public:
    ScriptedNode(TreeTest& test, std::string name) : test_(test), name_(std::move(name)) {
      EXPECT_EQ(test_.instances[name_]++, 0) << name_ << " runs twice";
    }
    ~ScriptedNode() override {
      --test_.instances[name_];
      test_.note("destroy", name_);
    }
    void start(Life life) noexcept override {
      life_ = std::move(life);
      test_.lives[name_] = life_;
      test_.note("start", name_);
      switch (test_.scripts[name_].start) {
        case Script::Start::ready:
          return life_.ready();
        case Script::Start::started:
          return life_.started();
        case Script::Start::silent:
          return;
        case Script::Start::fails:
          return life_.ended(Error(Errc::io, name_ + " cannot start"));
        case Script::Start::ends:
          return life_.ended();
      }
    }
    void stop() noexcept override {
      test_.note("stop", name_);
      const auto how = test_.scripts[name_].stop;
      if (how == Script::Stop::ends) life_.ended();
      if (how == Script::Stop::fails) life_.ended(Error(Errc::io, name_ + " cannot stop"));
    }
    void kill() noexcept override {
      test_.note("kill", name_);
      if (test_.scripts[name_].kill == Script::Kill::ends) life_.ended();
    }

   private:
    TreeTest& test_;
    std::string name_;
    Life life_;
  };

  ChildSpec child(const std::string& name, Restart restart = Restart::permanent) {
    ChildSpec spec;
    spec.name = name;
    spec.kind = "test";
    spec.restart = restart;
    spec.make = [this, name] { return std::make_unique<ScriptedNode>(*this, name); };
    return spec;
  }

  static SupervisorSpec supervisor(const std::string& name, Strategy strategy, std::vector<AnySpec> children) {
    SupervisorSpec spec;
    spec.name = name;
    spec.strategy = strategy;
    spec.intensity = {.restarts = 100, .within = Duration(1'000)};
    spec.backoff = {.initial = Duration(0), .jitter = 0};
    spec.children = std::move(children);
    return spec;
  }

  Tree& plant(SupervisorSpec root) {
    TreeOptions options;
    options.root = std::move(root);
    options.on_end = [this](const Exit& exit) { root_exit = exit; };
    tree = std::make_unique<Tree>(runtime, std::move(options));
    return *tree;
  }
  /// Plants a tree of a, b, c and starts it; the record begins after.
  Tree& grow(Strategy strategy) {
    plant(supervisor("root", strategy, {child("a"), child("b"), child("c")}));
    tree->start(expect("start"));
    runtime->run();
    EXPECT_EQ(told["start"], "ok");
    record.clear();
    return *tree;
  }

  /// A handler that notes what it is told as `told[name]`: "ok" or the error's message.
  Done expect(const std::string& name) {
    return [this, name](const Result<void>& result) {
      EXPECT_FALSE(told.contains(name)) << name << " is told twice";
      told[name] = result ? "ok" : result.error().message();
    };
  }

  NodeId id(std::string_view path) { return tree->find(path).value_or(0); }
  NodeState state(std::string_view path) { return info(path).state; }
  NodeInfo info(std::string_view path) { return tree->info(id(path)).value_or(NodeInfo{}); }
  /// The incarnation of `name` that was started last ends with an error.
  void crash(const std::string& name) {
    lives.at(name).ended(Error(Errc::io, name + " crashed"));
    runtime->run();
  }
  void note(const std::string& what, const std::string& name) {
    if (what != "destroy") record.push_back(what + " " + name);
    destroyed_or_done.push_back(what + " " + name);
  }

  std::shared_ptr<FakeRuntime> runtime = std::make_shared<FakeRuntime>();
  std::map<std::string, Script> scripts;
  std::map<std::string, Life> lives;
  std::map<std::string, int> instances;
  std::map<std::string, std::string> told;
  std::vector<std::string> record;             ///< "start a", "stop b", "kill c"
  std::vector<std::string> destroyed_or_done;  ///< the same with "destroy a"
  std::optional<Exit> root_exit;
  std::unique_ptr<Tree> tree;  ///< last: its nodes use the rest
};

}  // namespace weft::supervision
