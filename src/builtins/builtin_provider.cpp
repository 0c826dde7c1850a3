// SPDX-License-Identifier: Apache-2.0
#include "builtins/builtin_provider.hpp"

#include <utility>

#include "builtins/builtin_target.hpp"
#include "builtins/linked_caller.hpp"

namespace weft::builtins {
namespace {

/// Code of the builtin's author, outside of calls: an exception becomes an Error.
template <class T, class Work>
Result<T> guarded(Work work) noexcept {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error(Errc::internal, std::string("the provider threw: ") + error.what());
  } catch (...) {
    return Error(Errc::internal, "the provider threw an unknown exception");
  }
}

class BuiltinProvider final : public Provider {
 public:
  BuiltinProvider(std::shared_ptr<BuiltinTarget> target, std::shared_ptr<LinkedCaller> caller)
      : target_(std::move(target)), caller_(std::move(caller)) {}

  std::shared_ptr<dispatch::Target> target() override { return target_; }
  Result<void> put_link(const ProviderLink& link) override {
    return guarded<void>([&] { return target_->put_link(link); });
  }
  void delete_link(const ProviderLink& link) override {
    static_cast<void>(guarded<void>([&]() -> Result<void> {
      target_->delete_link(link);
      return {};
    }));
  }
  Result<void> update_config(const ConfigMap& config) override {
    return guarded<void>([&] { return target_->builtin().update_config(config); });
  }
  void stop(std::chrono::milliseconds grace) override {
    static_cast<void>(guarded<void>([&]() -> Result<void> {
      target_->stop(grace);
      caller_->close();
      return {};
    }));
  }

 private:
  std::shared_ptr<BuiltinTarget> target_;
  std::shared_ptr<LinkedCaller> caller_;
};

Result<std::unique_ptr<Provider>> start(const BuiltinFactory& factory, ProviderContext context) {
  BuiltinTargetOptions options{.id = context.id,
                               .shards = context.shards == nullptr ? 1 : context.shards->size(),
                               .pool = context.shards,
                               .post_blocking = std::move(context.post_blocking),
                               .log = context.log};
  auto caller = std::make_shared<LinkedCaller>(context.id, context.shards, context.dispatcher);
  LogSink log = context.log ? std::move(context.log) : [](LogLevel, std::string_view, std::string_view) {};
  BuiltinContext own{.id = std::move(context.id),
                     .config = std::move(context.config),
                     .data_dir = std::move(context.data_dir),
                     .log = std::move(log),
                     .shards = options.shards,
                     .post_blocking = options.post_blocking,
                     .caller = caller,
                     .secrets = std::move(context.secrets)};
  WEFT_TRY(auto builtin, factory(std::move(own)));
  WEFT_TRY(auto target, BuiltinTarget::create(std::move(builtin), std::move(options)));
  return std::make_unique<BuiltinProvider>(std::move(target), std::move(caller));
}

}  // namespace

ProviderFactory provider_factory(BuiltinFactory factory) {
  return [factory = std::move(factory)](ProviderContext context) {
    return guarded<std::unique_ptr<Provider>>([&] { return start(factory, std::move(context)); });
  };
}

Result<void> add_builtins(ProviderRegistry& registry, const BuiltinRegistry& builtins) {
  for (const auto& [name, factory] : builtins) {
    if (!registry.try_emplace(name, provider_factory(factory)).second) {
      return Error(Errc::already_exists, "the host has a built-in named " + name, "give yours another name");
    }
  }
  return {};
}

}  // namespace weft::builtins
