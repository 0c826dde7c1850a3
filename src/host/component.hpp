// SPDX-License-Identifier: Apache-2.0
/// A loaded component: its facts, its compiled code, and that code linked with its grants.
/// Owned together by whoever loaded it and by whatever serves it (shared_ptr): a service keeps its component while
/// requests run. Threads: immutable after construction.
#pragma once

#include <weft/host.hpp>

#include <string>
#include <utility>

#include "engine/engine.hpp"

namespace weft::host {

class LoadedComponent final : public Component {
 public:
  LoadedComponent(ComponentConfig config, ComponentInfo info, engine::Module module, engine::Deployment deployment)
      : config_(std::move(config)),
        info_(std::move(info)),
        module_(std::move(module)),
        deployment_(std::move(deployment)) {}

  [[nodiscard]] const std::string& id() const noexcept override { return config_.id; }
  [[nodiscard]] const ComponentInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool was_cached() const noexcept override { return module_.was_cached(); }
  [[nodiscard]] const ComponentConfig& config() const noexcept { return config_; }
  [[nodiscard]] const engine::Deployment& deployment() const noexcept { return deployment_; }

 private:
  ComponentConfig config_;
  ComponentInfo info_;
  engine::Module module_;
  engine::Deployment deployment_;
};

}  // namespace weft::host
