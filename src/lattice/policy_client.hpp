// SPDX-License-Identifier: Apache-2.0
/// Asks the lattice's policy service whether something may be started or called, and keeps what it decided. Knows
/// nothing of what is started; whoever starts it asks first.
///
/// A decision counts, both ways, until the service changes it; no answer is an error, and the next who asks asks again.
/// Those who ask the same at the same time share one request. Ownership: by the node; borrows bus and shard. Threads:
/// the control shard. Errors: permission_denied (with the service's words), else what kept it from answering. Limits:
/// kMaxDecisions are kept; what is more is asked each time. Source: control-plane facts 8.
#pragma once

#include <weft/lattice.hpp>
#include <weft/log.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/completion.hpp"
#include "async/task_scope.hpp"
#include "bus/bus.hpp"
#include "wire/policy.hpp"

namespace weft::lattice {

/// Told of decisions that the service has changed, on the control shard.
class PolicyListener {
 public:
  virtual ~PolicyListener() = default;
  virtual void on_changed(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision) = 0;
};

/// permission_denied with the service's words, if it does not permit.
Result<void> check_decision(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision);

class PolicyClient {
 public:
  static constexpr std::size_t kMaxDecisions = 65'536;

  PolicyClient(bus::Bus& bus, async::Shard& shard, PolicyConfig config, wire::PolicyHost host,
               std::function<std::string()> new_id, LogSink log);
  PolicyClient(const PolicyClient&) = delete;
  PolicyClient& operator=(const PolicyClient&) = delete;

  /// Listens for changes, where they are told. Errors: the bus's.
  Result<void> open();
  /// What the service decided. An error: it did not.
  async::Task<wire::PolicyDecision> decide(wire::PolicyQuestion question);
  /// The same for who is no task. `told` is dropped if close() comes first.
  using Told = std::move_only_function<void(Result<wire::PolicyDecision> decision)>;
  void decide(wire::PolicyQuestion question, Told told);
  /// Done when it is permitted.
  async::Task<void> permit(wire::PolicyQuestion question);
  /// The decision that counts now; null: it has to be asked for.
  [[nodiscard]] const wire::PolicyDecision* known(const wire::PolicyQuestion& question) const;
  void follow(std::weak_ptr<PolicyListener> listener);
  /// Ends listening and the requests under way; who waits for one sees `cancelled`.
  boost::asio::awaitable<void> close();

 private:
  struct Decided {
    wire::PolicyQuestion question;
    wire::PolicyDecision decision;
  };
  using Waiting = std::vector<async::Completion<wire::PolicyDecision>>;

  async::Task<void> decide_and_tell(wire::PolicyQuestion question, Told told);
  async::Task<void> ask(std::string key, wire::PolicyQuestion question);
  async::Task<wire::PolicyDecision> request(wire::PolicyQuestion question, std::string request_id);
  void keep(const std::string& key, std::string request_id, wire::PolicyQuestion question,
            wire::PolicyDecision decision);
  void on_change(const bus::Message& message);

  bus::Bus& bus_;
  async::Shard& shard_;
  PolicyConfig config_;
  wire::PolicyHost host_;
  std::function<std::string()> new_id_;
  LogSink log_;
  std::map<std::string, Decided, std::less<>> decisions_;        ///< by policy_key()
  std::map<std::string, std::string, std::less<>> request_ids_;  ///< of requests that were decided: their keys
  std::map<std::string, Waiting> asking_;                        ///< by key
  std::vector<std::weak_ptr<PolicyListener>> listeners_;
  std::unique_ptr<bus::Subscription> changes_;
  bool closed_ = false;
  async::TaskScope tasks_;
};

}  // namespace weft::lattice
