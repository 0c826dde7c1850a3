// SPDX-License-Identifier: Apache-2.0
/// A cell with a Node in it: drives one incarnation from start() to its end and keeps its budgets. Does not restart;
/// that is its supervisor's part. Inside the module only. Threads: the tree's.
#pragma once

#include <memory>
#include <optional>

#include "supervision/cell.hpp"

namespace weft::supervision {

class Worker final : public Cell {
 public:
  Worker(Core& core, Supervisor* parent, NodeId id, ChildSpec spec);
  ~Worker() override;

  void begin_start() override;
  void begin_stop(Exit reason) override;
  bool traps(NodeId linked, const Exit& exit) override;
  [[nodiscard]] Restart restart() const override { return spec_.restart; }
  [[nodiscard]] FirstStart first_start() const override { return spec_.first_start; }
  [[nodiscard]] Gate gate() const override { return spec_.gate; }
  void describe(NodeInfo& /*info*/) const override {}

  // What the node told, of the incarnation that runs.
  void on_started();
  void on_ready();
  void on_ended(std::optional<Error> error);
  void on_fail(Error error);

 private:
  void arm(Duration budget, void (Worker::*then)());
  void disarm();
  void start_budget_over();
  void stop_budget_over();
  void kill_budget_over();
  void call(void (Node::*member)() noexcept);
  void finish(Exit exit);

  ChildSpec spec_;
  std::unique_ptr<Node> node_;
  TimerId timer_ = 0;
  std::optional<Exit> stopping_for_;
};

}  // namespace weft::supervision
