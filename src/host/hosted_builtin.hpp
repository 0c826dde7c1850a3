// SPDX-License-Identifier: Apache-2.0
/// A provider that is a part of this program. See HostedProvider. Its functions run on the pool, one at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "async/task_scope.hpp"
#include "builtins/provider.hpp"
#include "host/hosted_provider.hpp"
#include "host/node_world.hpp"
#include "wire/control.hpp"

namespace weft::host {

struct BuiltinPolicy {
  std::string data_dir;  ///< of the node; each provider gets a folder in it. Empty: none
  std::chrono::milliseconds stop_grace{5'000};
};

class HostedBuiltin final : public HostedProvider {
 public:
  HostedBuiltin(NodeWorld& world, const builtins::ProviderRegistry& registry, const BuiltinPolicy& policy,
                async::TaskScope& tasks, ProviderHome& home, std::string id, std::string ref)
      : world_(world),
        registry_(registry),
        policy_(policy),
        tasks_(tasks),
        home_(home),
        id_(std::move(id)),
        ref_(std::move(ref)) {}

  void describe(supervision::ChildSpec& spec) override;
  [[nodiscard]] bool runs() const override { return provider_ != nullptr && !stopping_; }
  async::Task<void> put_link(ResolvedLink link) override;
  async::Task<void> delete_link(wire::LinkDefinition link) override;
  async::Task<void> update_config(wire::StringMap config) override;
  async::Task<void> close() override { co_return Result<void>(); }

 private:
  async::Task<void> bring_up();
  async::Task<void> begin();
  async::Task<void> take_down();
  Result<builtins::ProviderFactory> find_factory(std::string& name) const;

  NodeWorld& world_;
  const builtins::ProviderRegistry& registry_;
  const BuiltinPolicy& policy_;
  async::TaskScope& tasks_;
  ProviderHome& home_;
  std::string id_;
  std::string ref_;
  std::unique_ptr<builtins::Provider> provider_;  ///< null: starts, or has stopped
  bool stopping_ = false;
};

}  // namespace weft::host
