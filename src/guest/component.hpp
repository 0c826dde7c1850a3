// SPDX-License-Identifier: Apache-2.0
/// A loaded component: its facts, its compiled code, and that code linked with its grants.
/// Owned together by whoever loaded it and by whatever serves it (shared_ptr): a service keeps its component while
/// requests run. Threads: immutable after construction.
#pragma once

#include <weft/host.hpp>

#include <memory>
#include <string>
#include <utility>

#include "engine/engine.hpp"

namespace weft::guest {

/// Compiled code and its facts: one for all components that are made of the same bytes.
struct CompiledComponent {
  ComponentInfo info;
  engine::Module module;
};

class LoadedComponent final : public Component {
 public:
  LoadedComponent(ComponentConfig config, std::shared_ptr<const CompiledComponent> compiled,
                  engine::Deployment deployment)
      : config_(std::move(config)), compiled_(std::move(compiled)), deployment_(std::move(deployment)) {}
  LoadedComponent(ComponentConfig config, ComponentInfo info, engine::Module module, engine::Deployment deployment)
      : LoadedComponent(std::move(config),
                        std::make_shared<const CompiledComponent>(std::move(info), std::move(module)),
                        std::move(deployment)) {}

  [[nodiscard]] const std::string& id() const noexcept override { return config_.id; }
  [[nodiscard]] const ComponentInfo& info() const noexcept override { return compiled_->info; }
  [[nodiscard]] bool was_cached() const noexcept override { return compiled_->module.was_cached(); }
  [[nodiscard]] const ComponentConfig& config() const noexcept { return config_; }
  [[nodiscard]] const engine::Deployment& deployment() const noexcept { return deployment_; }

 private:
  ComponentConfig config_;
  std::shared_ptr<const CompiledComponent> compiled_;
  engine::Deployment deployment_;
};

}  // namespace weft::guest
