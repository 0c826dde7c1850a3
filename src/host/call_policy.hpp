// SPDX-License-Identifier: Apache-2.0
/// What the policy service says of calls of one component: which of its functions may be called. Each is asked for when
/// it is called first; from then on a call finds the answer in a table of its shard, until the service changes it.
///
/// Ownership: shared by the target in front of the component, the calls that wait, and work on its way to the control
/// shard; borrows the shards and the client's shard. Threads: find() and ask() on a shard, the rest on the control
/// shard. Limits: kMaxFunctions answers in the table; what is more is looked up at the client each time.
/// Source: control-plane facts 8.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "async/shard.hpp"
#include "builtins/published.hpp"
#include "lattice/policy_client.hpp"

namespace weft::host {

class CallPolicy final : public lattice::PolicyListener, public std::enable_shared_from_this<CallPolicy> {
 public:
  static constexpr std::size_t kMaxFunctions = 4'096;
  /// The verdict: nothing, or why not.
  using Told = std::move_only_function<void(Result<void> verdict) noexcept>;

  /// `workload`: the question of its start, whose claims and annotations calls of it are asked with.
  static std::shared_ptr<CallPolicy> create(async::ShardPool& shards, async::Shard& control,
                                            std::shared_ptr<lattice::PolicyClient> client,
                                            wire::PolicyQuestion workload);
  CallPolicy(async::ShardPool& shards, async::Shard& control, std::shared_ptr<lattice::PolicyClient> client,
             wire::PolicyQuestion workload);

  /// Null: it has to be asked for. Good until the next find() on this shard.
  [[nodiscard]] const Result<void>* find(const async::Shard& shard, std::string_view interface,
                                         std::string_view function);
  /// `told` is called on `shard`, later, or dropped if the host ends.
  void ask(async::Shard& shard, std::string interface, std::string function, Told told);
  /// The same for who is on the control shard.
  async::Task<void> permit(std::string interface, std::string function);

  void on_changed(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision) override;

 private:
  using Key = std::pair<std::string, std::string>;
  /// Compares with views too, so that nothing is allocated for a look-up.
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      const auto first = std::string_view(a.first).compare(b.first);
      return first != 0 ? first < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Verdicts = std::map<Key, Result<void>, Less>;

  [[nodiscard]] wire::PolicyQuestion question(std::string interface, std::string function) const;
  void decide(std::string interface, std::string function, Told told);
  void keep(const wire::PolicyQuestion& question, const Result<void>& verdict);

  async::Shard& control_;
  std::shared_ptr<lattice::PolicyClient> client_;
  const wire::PolicyQuestion workload_;
  builtins::Published<Verdicts> verdicts_;
};

}  // namespace weft::host
