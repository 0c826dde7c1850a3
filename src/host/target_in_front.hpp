// SPDX-License-Identifier: Apache-2.0
/// A target that stands in front of another: what it does not look at goes through to that one. Who derives from it
/// says what becomes of calls and of requests. Ownership and threads: those of Target; shares the one behind.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/target.hpp"
#include "web/exchange.hpp"

namespace weft::host {

class TargetInFront : public dispatch::Target, private web::Handler {
 public:
  [[nodiscard]] const std::string& id() const noexcept final { return target_->id(); }
  void end_chain(async::Shard& shard, std::uint64_t chain) noexcept final { target_->end_chain(shard, chain); }
  void drop_resource(async::Shard& shard, const dispatch::Invocation& drop) noexcept final {
    target_->drop_resource(shard, drop);
  }
  [[nodiscard]] web::Handler* http() noexcept final { return target_->http() == nullptr ? nullptr : this; }
  [[nodiscard]] std::vector<dispatch::FunctionName> functions() const final { return target_->functions(); }

 protected:
  explicit TargetInFront(std::shared_ptr<dispatch::Target> target) : target_(std::move(target)) {}
  [[nodiscard]] const std::shared_ptr<dispatch::Target>& behind() const noexcept { return target_; }

 private:
  const std::shared_ptr<dispatch::Target> target_;
};

}  // namespace weft::host
