// SPDX-License-Identifier: Apache-2.0
#include "host/hosted_builtin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ranges>
#include <utility>

#include "builtins/provider_link.hpp"
#include "host/task_node.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

/// What a stop may take beyond the grace that the provider is given.
constexpr std::chrono::milliseconds kStopMargin = 5s;

}  // namespace

void HostedBuiltin::describe(supervision::ChildSpec& spec) {
  spec.stop_budget = policy_.stop_grace + kStopMargin;
  spec.make = [this] {
    return std::make_unique<TaskNode>(tasks_, id_, [this] { return bring_up(); }, [this] { return take_down(); });
  };
}

async::Task<void> HostedBuiltin::bring_up() {
  const auto begun = co_await begin();
  if (begun) {
    home_.started();
    home_.answered(std::string("runs"));
  } else {
    home_.failed(begun.error());
  }
  co_return begun;
}

Result<builtins::ProviderFactory> HostedBuiltin::find_factory(std::string& name) const {
  WEFT_TRY(const auto ref, wire::parse_image_ref(ref_));
  name = ref.stripped;
  const auto factory = registry_.find(name);
  if (factory == registry_.end()) {
    return Error(Errc::not_found, fmt::format("there is no built-in provider {}", name),
                 fmt::format("this host has: {}", fmt::join(std::views::keys(registry_), ", ")), Blame::operator_);
  }
  return factory->second;
}

async::Task<void> HostedBuiltin::begin() {
  std::string name;
  WEFT_CO_TRY(const auto factory, find_factory(name));
  WEFT_CO_CHECK(co_await home_.permit());
  WEFT_CO_TRY(auto provision, co_await home_.provision());
  builtins::ProviderContext context;
  context.id = id_;
  context.config = std::move(provision.config);
  context.shards = &world_.shards;
  context.dispatcher = &world_.router.dispatcher();
  context.log = world_.log;
  context.post_blocking = [&pool = world_.pool](auto work) { return pool.post(std::move(work)); };
  if (!policy_.data_dir.empty()) {
    context.data_dir = policy_.data_dir + "/providers/" + id_;
  }
  WEFT_CO_TRY(provider_,
              co_await world_.pool.run([factory, context = std::move(context)] { return factory(context); }));
  WEFT_CO_CHECK(co_await world_.store.ensure_spec(id_, name));
  // What the store holds now, which may be more than before the provider was made. A link that is refused does not keep
  // the provider from the others.
  WEFT_CO_TRY(provision, co_await home_.provision());
  for (auto& link : provision.links) {
    (void)co_await put_link(std::move(link));
  }
  if (auto target = provider_->target()) {
    world_.router.set_target(id_, target);
  }
  world_.router.set_links(id_, world_.store.links_of(id_));
  co_await world_.router.settle();
  co_return Result<void>();
}

async::Task<void> HostedBuiltin::take_down() {
  stopping_ = true;
  WEFT_CO_CHECK(co_await home_.quiet());
  world_.router.set_target(id_, nullptr);
  co_await world_.router.settle();
  const auto stop = [provider = provider_.get(),
                     grace = world_.stop_grace.value_or(policy_.stop_grace)]() -> Result<void> {
    provider->stop(grace);
    return {};
  };
  const auto stopped = co_await world_.draining.run(stop);
  provider_.reset();
  stopping_ = false;
  co_return stopped;
}

async::Task<void> HostedBuiltin::put_link(ResolvedLink link) {
  const auto text = fmt::format("link {} of {} to {} ({}:{})", link.link.name, link.link.source_id, link.link.target,
                                link.link.wit_namespace, link.link.wit_package);
  const auto put = [provider = provider_.get(), resolved = builtins::provider_link(std::move(link.link))] {
    return provider->put_link(resolved);
  };
  const auto done = co_await world_.pool.run(put);
  if (!done && world_.log) {
    world_.log(LogLevel::error, id_, fmt::format("{} is refused: {}", text, done.error().to_string()));
  }
  co_return done;
}

async::Task<void> HostedBuiltin::delete_link(wire::LinkDefinition link) {
  const auto remove = [provider = provider_.get(), gone = builtins::provider_link(std::move(link))]() -> Result<void> {
    provider->delete_link(gone);
    return {};
  };
  co_return co_await world_.pool.run(remove);
}

async::Task<void> HostedBuiltin::update_config(wire::StringMap config) {
  const auto update = [provider = provider_.get(), config = std::move(config)] {
    return provider->update_config(config);
  };
  const auto done = co_await world_.pool.run(update);
  if (!done && world_.log) {
    world_.log(LogLevel::error, id_, fmt::format("its new configuration is refused: {}", done.error().to_string()));
  }
  co_return done;
}

}  // namespace weft::host
