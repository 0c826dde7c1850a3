// SPDX-License-Identifier: Apache-2.0
// Random trees, failures, orders of delivery and commands. The seed is printed; WEFT_TEST_SEED repeats it.
#include <cstdlib>
#include <random>
#include <set>

#include "supervision/tree_fixture.hpp"

namespace weft::supervision {
namespace {

unsigned base_seed() {
  const char* given = std::getenv("WEFT_TEST_SEED");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
}

/// The tree as its changes tell it, and what must hold at each of them.
struct Shadow {
  struct Entry {
    NodeId parent = 0;
    std::size_t index = 0;
    NodeState state = NodeState::waiting;
    Strategy strategy = Strategy::one_for_one;
    bool ran = false;  ///< since its supervisor was started
    Instant down{};    ///< since when, the last time
    std::vector<Instant> restarts;
  };

  void learn(const NodeInfo& node, NodeId parent, std::size_t index) {
    nodes[node.id] = {
        .parent = parent, .index = index, .strategy = node.strategy.value_or(Strategy::one_for_one), .restarts = {}};
    for (std::size_t at = 0; at < node.children.size(); ++at) learn(node.children[at], node.id, at);
  }

  void on_change(const Change& change, Instant now) {
    auto& entry = nodes.at(change.id);
    if (is_alive(entry.state) && !is_alive(change.to)) entry.down = now;
    entry.state = change.to;
    if (change.to == NodeState::starting) {
      check_start(change, entry);
      entry.restarts.clear();
      for (auto& [id, child] : nodes) {
        if (child.parent == change.id) child.ran = false;
      }
    }
    if (change.to == NodeState::stopping && change.failure.empty()) check_stop(change, entry);
  }

  void check_start(const Change& change, Entry& entry) {
    const auto parent = nodes.find(entry.parent);
    if (parent == nodes.end()) return;
    EXPECT_TRUE(is_alive(parent->second.state) && parent->second.state != NodeState::stopping) << change.name;
    if (std::exchange(entry.ran, true)) count(parent->second, entry.down);
    if (parent->second.strategy == Strategy::one_for_one) return;
    for (const auto& [id, other] : nodes) {
      if (other.parent != entry.parent || id == change.id) continue;
      if (other.index > entry.index) {
        EXPECT_FALSE(is_alive(other.state)) << change.name << " starts before " << id << " is down";
      } else {
        EXPECT_TRUE(other.state == NodeState::ready || other.state == NodeState::ended)
            << change.name << " starts before " << id << " is ready";
      }
    }
  }

  void check_stop(const Change& change, const Entry& entry) {
    for (const auto& [id, other] : nodes) {
      if (other.parent != entry.parent || other.index <= entry.index || entry.parent == 0) continue;
      EXPECT_FALSE(is_alive(other.state)) << change.name << " stops before " << id;
    }
  }

  // Only where restarts are of one child each. What counts is when it went down: it may have to wait for its turn.
  void count(Entry& parent, Instant down) {
    if (parent.strategy != Strategy::one_for_one) return;
    std::erase_if(parent.restarts, [&](Instant at) { return down - at > kIntensity.within; });
    parent.restarts.push_back(down);
    EXPECT_LE(parent.restarts.size(), kIntensity.restarts);
  }

  static constexpr Intensity kIntensity{.restarts = 3, .within = Duration(100)};
  std::map<NodeId, Entry> nodes;
};

class TreePropertyTest : public TreeTest {
 protected:
  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(engine); }

  std::vector<AnySpec> random_children(int depth) {
    std::vector<AnySpec> children;
    const auto count = 1 + any(3);
    for (std::size_t at = 0; at < count; ++at) {
      const std::string name = "n" + std::to_string(++names);
      if (depth > 0 && any(3) == 0) {
        children.emplace_back(random_supervisor(name, depth - 1));
      } else {
        children.emplace_back(random_child(name));
      }
    }
    return children;
  }
  SupervisorSpec random_supervisor(const std::string& name, int depth) {
    auto spec = supervisor(name, static_cast<Strategy>(any(3)), random_children(depth));
    spec.intensity = Shadow::kIntensity;
    return spec;
  }
  ChildSpec random_child(const std::string& name) {
    auto spec = child(name, any(4) == 0 ? Restart::transient : Restart::permanent);
    spec.first_start = any(2) == 0 ? FirstStart::required : FirstStart::retried;
    spec.start_budget = spec.stop_budget = spec.kill_budget = Duration(20);
    return spec;
  }

  void random_script(Script& script) {
    script.start = any(3) != 0 ? Script::Start::ready : static_cast<Script::Start>(any(4));
    script.stop = any(3) != 0 ? Script::Stop::ends : static_cast<Script::Stop>(any(3));
    script.kill = static_cast<Script::Kill>(any(2));
  }

  void random_event() {
    if (!lives.empty() && any(3) == 0) {
      auto& [name, life] = *std::next(lives.begin(), static_cast<std::ptrdiff_t>(any(lives.size())));
      random_script(scripts[name]);
      switch (any(5)) {
        case 0:
          return life.ended(Error(Errc::io, "random"));
        case 1:
          return life.fail(Error(Errc::io, "random"));
        case 2:
          return life.ended();
        case 3:
          return life.started();
        default:
          return life.ready();
      }
    }
    if (any(4) == 0) return runtime->advance(Duration(any(30)));
    for (std::size_t count = any(5); count > 0; --count) runtime->run_one();
  }

  void begin(unsigned seed) {
    tree.reset();
    scripts.clear();
    lives.clear();
    record.clear();
    told.clear();
    names = 0;
    root_exit.reset();
    engine.seed(seed);
    runtime = std::make_shared<FakeRuntime>(seed);
  }

  void expect_nothing_left() {
    tree->stop(expect("stop"));
    runtime->advance(Duration(100'000));
    EXPECT_EQ(told["stop"], "ok");
    for (const auto& [name, count] : instances) EXPECT_EQ(count, 0) << name;
    EXPECT_EQ(runtime->timers(), 0U);
  }

  std::mt19937 engine;
  int names = 0;
};

TEST_F(TreePropertyTest, keeps_order_and_intensity_whatever_fails) {
  const unsigned first = base_seed();
  for (unsigned seed = first; seed < first + 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE("WEFT_TEST_SEED=" + std::to_string(seed));
    begin(seed);
    Shadow shadow;
    TreeOptions options;
    options.root = random_supervisor("root", 2);
    options.on_change = [&](const Change& change) { shadow.on_change(change, runtime->now()); };
    tree = std::make_unique<Tree>(runtime, std::move(options));
    shadow.learn(tree->snapshot(), 0, 0);
    tree->start(expect("start"));
    for (int step = 0; step < 300; ++step) {
      random_event();
      if (any(50) == 0) tree->start();
    }
    expect_nothing_left();
    EXPECT_TRUE(told.contains("start"));
    tree.reset();
  }
}

TEST_F(TreePropertyTest, tells_every_handler_once_whatever_is_commanded) {
  const unsigned first = base_seed();
  for (unsigned seed = first; seed < first + 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE("WEFT_TEST_SEED=" + std::to_string(seed));
    begin(seed);
    plant(random_supervisor("root", 2)).start();
    std::set<std::string> expected;
    std::size_t monitors = 0;
    std::size_t monitored = 0;
    for (int step = 0; step < 300; ++step) {
      random_event();
      const std::string name = "done" + std::to_string(step);
      const NodeId node = 1 + any(20);
      const NodeId other = 1 + any(20);
      bool accepted = false;
      switch (any(9)) {
        case 0:
          accepted = tree->add(node, random_child("n" + std::to_string(++names)), expect(name)).has_value();
          break;
        case 1:
          accepted = tree->add(node, random_supervisor("n" + std::to_string(++names), 1), expect(name)).has_value();
          break;
        case 2:
          accepted = tree->stop_child(node, expect(name)).has_value();
          break;
        case 3:
          accepted = tree->start_child(node, expect(name)).has_value();
          break;
        case 4:
          accepted = any(3) == 0 && tree->remove(node, expect(name)).has_value();
          break;
        case 5:
          static_cast<void>(tree->link(node, other));
          break;
        case 6:
          ++monitors;
          tree->monitor(node, [&](NodeId, const Exit&) { ++monitored; });
          break;
        case 7:
          tree->report_failure(node, Error(Errc::io, "random"));
          break;
        default:
          if (any(20) == 0) tree->start();
      }
      if (accepted) expected.insert(name);
    }
    expect_nothing_left();
    for (const auto& name : expected) EXPECT_TRUE(told.contains(name)) << name;
    EXPECT_EQ(monitors, monitored);
    tree.reset();
  }
}

}  // namespace
}  // namespace weft::supervision
