// SPDX-License-Identifier: Apache-2.0
#include "guest/guest_imports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "guest/guest_bytes.hpp"
#include "guest/late_answer.hpp"

namespace weft::guest {
namespace {

constexpr std::string_view kDefaultLink = "default";
constexpr std::string_view kOutgoingHttp = "wasi:http/outgoing-handler";
constexpr std::string_view kTraceParent = "traceparent";
constexpr std::string_view kTraceState = "tracestate";
/// Of an error that is told to a guest as a handle, which has a limit.
constexpr std::size_t kMaxErrorText = 32UL << 10U;

constexpr std::array kOk{std::byte{0}};

using ByteVector = std::vector<std::byte>;

ByteVector after(std::byte first, std::span<const std::byte> rest) {
  ByteVector bytes;
  bytes.reserve(rest.size() + 1);
  bytes.push_back(first);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

/// At most `size` bytes of it, whole characters.
std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) {
    return text;
  }
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) {
    --size;
  }
  return text.substr(0, size);
}

bool has_header(const engine::OutgoingHead& head, std::string_view name) {
  return std::ranges::any_of(head.headers, [name](const auto& header) { return header.first == name; });
}

/// The trace that the guest answers for goes on with its requests, unless it has begun one of its own.
void hand_on_trace(engine::OutgoingHttp& request, const CallScope& scope) {
  if (scope.trace_parent.empty() || has_header(request.head(), kTraceParent)) {
    return;
  }
  request.add_header(kTraceParent, scope.trace_parent);
  if (!scope.trace_state.empty() && !has_header(request.head(), kTraceState)) {
    request.add_header(kTraceState, scope.trace_state);
  }
}

/// `err` of a result whose other case is an error of wrpc:rpc: the handle of that is its text.
ByteVector rpc_error(std::string_view message) {
  ByteVector failed{std::byte{1}};
  put_text(failed, cut(message, kMaxErrorText));
  return failed;
}

Error does_not_decode(std::string_view function) {
  return {Errc::malformed, fmt::format("the parameters of {} do not decode", function), {}, Blame::guest};
}

}  // namespace

ImportPlan::ImportPlan(const engine::Deployment& deployment, std::string source, dispatch::Dispatcher& dispatcher,
                       const ProvidedInterfaces& provided)
    : source_(std::move(source)), dispatcher_(dispatcher), known_(deployment.imports()) {
  const auto is_resource_drop = [](const auto& import) { return import.function.starts_with("[resource-drop]"); };
  for (const auto& import : known_) {
    auto rule = import_rule(import.interface, import.function);
    Import planned;
    planned.gives_rpc_error = import.gives_rpc_error;
    planned.is_async = import.is_async;
    planned.param_paths.assign(import.param_paths.begin(), import.param_paths.end());
    planned.result_paths.assign(import.result_paths.begin(), import.result_paths.end());
    if (!rule.param_path.empty()) {
      planned.param_paths.push_back(rule.param_path);
    }
    planned.result_paths.insert(planned.result_paths.end(), rule.result_paths.begin(), rule.result_paths.end());
    const auto provider = provided.find(rule.link_key);
    if (provider == provided.end()) {
      planned.has_resources = std::ranges::any_of(
          known_, [&](const auto& other) { return other.interface == import.interface && is_resource_drop(other); });
      planned.rule = std::move(rule);
    } else {
      // As the guest knows it: nothing of it goes over a wire.
      planned.rule = {.kind = is_resource_drop(import) ? ImportKind::nothing : ImportKind::call,
                      .link_key = std::move(rule.link_key),
                      .interface = import.interface,
                      .function = import.function};
      planned.provider = provider->second;
    }
    imports_.push_back(std::move(planned));
  }
}

void GuestImports::answer(engine::Call& call, std::uint64_t token, std::uint32_t import,
                          std::span<const std::byte> params) {
  const auto& asked = plan_->at(import);
  if (asked.rule.kind == ImportKind::drop) {
    return drop(asked.rule, params);
  }
  if (asked.is_async && asked.rule.kind == ImportKind::call) {
    return begin_async(call, token, import, params);
  }
  if (call_ != nullptr) {
    return call.fail_import(token, "a guest may wait for one import at a time only");
  }
  call_ = &call;
  token_ = token;
  import_ = &asked;
  switch (asked.rule.kind) {
    case ImportKind::call:
      return call_out(asked, params);
    case ImportKind::same:
      return give(params);
    case ImportKind::some_of_same:
      return give(after(std::byte{0}, params));
    case ImportKind::error_of_same:
      return give(after(std::byte{1}, params));
    case ImportKind::name_interface:
      return name_interface(params);
    case ImportKind::set_link_name:
    case ImportKind::try_link_name:
      return set_link_name(asked.rule, params);
    case ImportKind::link_name:
      return give_link_name(asked.rule);
    case ImportKind::nothing:
    case ImportKind::drop:
      return give({});
    case ImportKind::refused:
      return refuse(Error(Errc::unsupported,
                          fmt::format("{}#{} is not supported", asked.rule.interface, asked.rule.function),
                          "use an interface that a component or provider exports", Blame::guest));
  }
}

void GuestImports::cancel() noexcept {
  call_ = nullptr;
  meter_.end(true);
  pending_.reset();
  async_.clear();
  outgoing_.reset();
  streams_.close();
}

void GuestImports::send(std::unique_ptr<engine::OutgoingHttp> request, const std::string& id) {
  if (!outgoing_) {
    HttpRoute route;
    if (plan_ != nullptr) {
      route = [this](const web::RequestHead& /*request*/) { return http_handler(); };
    }
    outgoing_.emplace(shard_, std::move(route), id, scope_.depth + 1);
  }
  hand_on_trace(*request, scope_);
  outgoing_->begin(std::move(request));
}

Result<RoutedHttp> GuestImports::http_handler() const {
  dispatch::CallMeter meter;
  WEFT_TRY(auto target,
           plan_->dispatcher().find(shard_, plan_->source(), link_name(kOutgoingHttp), kOutgoingHttp, &meter));
  auto* const handler = target->http();
  if (handler == nullptr) {
    return Error(Errc::type_mismatch, fmt::format("{} takes no HTTP requests", target->id()),
                 "link wasi:http/outgoing-handler to wasmcloud+builtin://http-client or to an HTTP component",
                 Blame::operator_);
  }
  return RoutedHttp{std::shared_ptr<web::Handler>(std::move(target), handler),
                    std::move(meter),
                    {.source = plan_->source(), .link_name = link_name(kOutgoingHttp), .sends_out = true}};
}

void GuestImports::call_out(const ImportPlan::Import& import, std::span<const std::byte> params) {
  const auto& rule = import.rule;
  is_fallback_ = false;
  if (!rule.fallback.empty()) {
    kept_params_.assign(params.begin(), params.end());
  }
  ImportParams owner(*call_);
  begin_call(import, params, rule.interface, import.result_paths, &owner);
}

dispatch::CallContext GuestImports::context(const ImportPlan::Import& import) {
  return {.source = plan_->source(),
          .link_name = link_name(import.rule.link_key),
          .deadline = scope_.deadline,
          .depth = scope_.depth + 1,
          .trace_parent = scope_.trace_parent,
          .trace_state = scope_.trace_state,
          .chain = import.has_resources ? join_chain(import.rule) : 0};
}

std::unique_ptr<dispatch::PendingCall> GuestImports::invoke(const ImportPlan::Import& import,
                                                            const dispatch::Invocation& invocation,
                                                            dispatch::CallHandler& handler,
                                                            dispatch::CallMeter& meter) {
  return import.provider ? import.provider->invoke(shard_, invocation, handler)
                         : plan_->dispatcher().invoke(shard_, linked_key(import.rule), invocation, handler, &meter);
}

void GuestImports::begin_async(engine::Call& call, std::uint64_t token, std::uint32_t number,
                               std::span<const std::byte> params) {
  const auto& import = plan_->at(number);
  if (async_.is_full()) {
    failure_ = Error(Errc::resource_exhausted,
                     fmt::format("the guest has {} calls under way, and may have no more at once", AsyncImports::kMost),
                     "let it wait for some of them", Blame::guest);
    return call.fail_import(token, failure_->message());
  }
  auto& begun = async_.add(*this, call, token, number);
  ImportParams owner(call);
  auto channels = streams_.uploads(call, token, import.param_paths);
  auto pending = invoke(import,
                        {.interface = import.rule.interface,
                         .function = import.rule.function,
                         .params = params,
                         .context = context(import),
                         .owner = &owner,
                         .channels = channels.empty() ? nullptr : &channels,
                         .result_paths = import.result_paths},
                        begun, begun.meter());
  // It may have ended already, and be gone.
  if (auto* const waiting = pending ? async_.find(token) : nullptr) {
    waiting->keep(std::move(pending));
  }
}

void GuestImports::on_stream(const engine::StreamEvent& event) {
  if (event.kind == engine::StreamEvent::Kind::dropped) {
    // One that has not been answered was cancelled by the guest: so is whoever it has called.
    const auto cancelled = async_.take(event.token);
  }
  streams_.on_event(event);
}

void GuestImports::on_async_results(AsyncImport& import, std::span<const std::byte> results,
                                    dispatch::Channels channels) {
  const auto ended = async_.take(import.token());
  const auto& asked = plan_->at(import.number());
  if (!asked.result_paths.empty()) {
    streams_.take(import.call(), import.token(), std::move(channels), asked.result_paths);
  }
  if (asked.gives_rpc_error) {
    import.call().complete_import(import.token(), after(std::byte{0}, results));
  } else {
    import.call().complete_import(import.token(), results);
  }
}

void GuestImports::on_async_error(AsyncImport& import, Error error) {
  const auto ended = async_.take(import.token());
  auto message = error.to_string();
  if (plan_->at(import.number()).gives_rpc_error) {
    return import.call().complete_import(import.token(), rpc_error(message));
  }
  note_failure(plan_->at(import.number()), std::move(error));
  import.call().fail_import(import.token(), message);
}

void GuestImports::begin_call(const ImportPlan::Import& import, std::span<const std::byte> params,
                              std::string_view interface, std::span<const std::string_view> result_paths,
                              dispatch::ParamsOwner* owner) {
  const auto& rule = import.rule;
  auto channels = streams_.uploads(*call_, token_, import.param_paths);
  std::shared_ptr<LateAnswer> late;
  if (is_fallback_ && !channels.empty()) {
    late = std::make_shared<LateAnswer>(static_cast<dispatch::CallHandler&>(*this), rule.result_paths.front());
    channels.front().channel = late->watch(std::move(channels.front().channel));
  }
  dispatch::CallHandler& handler = late ? late->handler() : *this;
  const dispatch::Invocation invocation{.interface = interface,
                                        .function = rule.function,
                                        .params = params,
                                        .context = context(import),
                                        .owner = owner,
                                        .channels = channels.empty() ? nullptr : &channels,
                                        .result_paths = result_paths};
  auto pending = invoke(import, invocation, handler, meter_);
  if (late) {
    pending = late->hold(std::move(pending));
  }
  if (call_ != nullptr) {
    pending_ = std::move(pending);
  }
}

std::string_view GuestImports::link_name(std::string_view key) const {
  for (const auto& [interface, name] : link_names_) {
    if (interface == key) {
      return name;
    }
  }
  return kDefaultLink;
}

/// The interface by which a link of this name leads to what the rule asks.
std::string_view GuestImports::linked_key(const ImportRule& rule) const {
  const bool is_other = !rule.other_key.empty() && !has_link(link_name(rule.link_key), rule.link_key);
  return is_other ? rule.other_key : rule.link_key;
}

bool GuestImports::has_link(std::string_view name, std::string_view key) const {
  return plan_->dispatcher().has_link(shard_, plan_->source(), name, key);
}

void GuestImports::give_link_name(const ImportRule& rule) {
  ByteVector name;
  put_text(name, link_name(rule.link_key));
  give(name);
}

/// Namespace, package and interface; the handle is "ns:pkg/iface".
void GuestImports::name_interface(std::span<const std::byte> params) {
  GuestBytes reader(params);
  const auto ns = reader.take_text();
  const auto package = reader.take_text();
  const auto interface = reader.take_text();
  if (!interface) {
    return refuse(does_not_decode(import_->rule.function));
  }
  ByteVector handle;
  put_text(handle, fmt::format("{}:{}/{}", *ns, *package, *interface));
  give(handle);
}

/// A name and the interfaces that are called over it from now on, by this call of the guest alone.
void GuestImports::set_link_name(const ImportRule& rule, std::span<const std::byte> params) {
  const bool says_why = rule.kind == ImportKind::try_link_name;
  GuestBytes reader(params);
  const auto name = reader.take_text();
  auto count = reader.take_length();
  std::vector<std::string_view> interfaces;
  for (; count && *count > 0; --*count) {
    const auto interface = reader.take_text();
    if (!interface) {
      return refuse(does_not_decode(rule.function));
    }
    interfaces.push_back(*interface);
  }
  if (!count) {
    return refuse(does_not_decode(rule.function));
  }
  for (const auto interface : interfaces) {
    const auto other = other_key_of(interface);
    if (!has_link(*name, interface) && (other.empty() || !has_link(*name, other))) {
      ByteVector error{std::byte{1}};
      put_text(error, fmt::format("interface `{}` does not have an existing link with name `{}`", interface, *name));
      return give(says_why ? std::span<const std::byte>(error) : std::span<const std::byte>());
    }
  }
  for (const auto interface : interfaces) {
    std::erase_if(link_names_, [interface](const auto& known) { return known.first == interface; });
    if (*name != kDefaultLink) {
      link_names_.emplace_back(interface, *name);
    }
  }
  give(says_why ? std::span<const std::byte>(kOk) : std::span<const std::byte>());
}

/// On the wire a drop says nothing (data-plane facts 2.5); an owner in this host hears of it.
void GuestImports::drop(const ImportRule& rule, std::span<const std::byte> handle) {
  if (const auto owner = plan_->dispatcher().find(shard_, plan_->source(), link_name(rule.link_key), rule.link_key)) {
    (*owner)->drop_resource(shard_, {.interface = rule.interface,
                                     .function = rule.function,
                                     .params = handle,
                                     .context = {.source = plan_->source(), .link_name = link_name(rule.link_key)}});
  }
}

/// What the call's target makes for this guest goes when this guest has gone.
std::uint64_t GuestImports::join_chain(const ImportRule& rule) {
  auto target = plan_->dispatcher().find(shard_, plan_->source(), link_name(rule.link_key), rule.link_key);
  if (!target) {
    return 0;
  }
  if (chain_ == 0) {
    chain_ = plan_->dispatcher().new_chain();
  }
  if (std::ranges::find(chain_targets_, *target) == chain_targets_.end()) {
    chain_targets_.push_back(*std::move(target));
  }
  return chain_;
}

void GuestImports::end_chain() noexcept {
  for (const auto& target : chain_targets_) {
    target->end_chain(shard_, chain_);
  }
  chain_targets_.clear();
}

void GuestImports::give(std::span<const std::byte> results) {
  std::exchange(call_, nullptr)->complete_import(token_, results);
}

void GuestImports::refuse(Error error) {
  auto message = error.to_string();
  note_failure(*import_, std::move(error));
  std::exchange(call_, nullptr)->fail_import(token_, message);
}

void GuestImports::note_failure(const ImportPlan::Import& import, Error error) {
  if (!import.rule.tells_failure) {
    failure_ = std::move(error);
  }
}

void GuestImports::on_results(std::span<const std::byte> results) {
  meter_.end(false);
  if (is_fallback_ && !results.empty() && results.front() == std::byte{0} && !import_->rule.result_paths.empty()) {
    // The older functions say no more of how a stream ended than that it did: that future is resolved.
    ByteVector with_status(results.begin(), results.end());
    with_status.insert(with_status.end(), {std::byte{1}, std::byte{0}});
    give(with_status);
  } else if (import_->gives_rpc_error) {
    give(after(std::byte{0}, results));
  } else {
    give(results);
  }
  pending_.reset();
}

void GuestImports::on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) {
  meter_.end(false);
  const auto& rule = import_->rule;
  const bool is_older = is_fallback_ && rule.param_path.empty();  // else a LateAnswer makes up for it
  const std::span<const std::string_view> paths = import_->result_paths;
  streams_.take(*call_, token_, std::move(channels), is_older ? rule.fallback_paths : paths);
  if (is_fallback_ && !is_older) {
    give(results);
    pending_.reset();
  } else {
    on_results(results);
  }
}

void GuestImports::take_results(engine::Call& callee) {
  if (import_->gives_rpc_error) {
    return on_results(callee.result());
  }
  meter_.end(false);
  std::exchange(call_, nullptr)->complete_import_from(token_, callee);
  pending_.reset();
}

/// A provider of an older release: data-plane facts 3.9.
void GuestImports::on_not_served(Error error) {
  if (import_->rule.fallback.empty() || is_fallback_) {
    return on_error(std::move(error));
  }
  const auto pending = std::move(pending_);
  meter_.end(true);
  is_fallback_ = true;
  const auto params = std::exchange(kept_params_, {});
  begin_call(*import_, params, import_->rule.fallback, import_->rule.fallback_paths, nullptr);
}

void GuestImports::on_error(Error error) {
  const auto pending = std::move(pending_);
  meter_.end(true);
  if (!import_->gives_rpc_error) {
    return refuse(std::move(error));
  }
  give(rpc_error(error.to_string()));
}

}  // namespace weft::guest
