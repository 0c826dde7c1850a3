// SPDX-License-Identifier: Apache-2.0
/// Answers what a guest imports: over its links by the dispatcher, by an interface that the host provides to it, or on
/// the spot. Shared by calls of functions and HTTP requests.
///
/// ImportPlan says for each imported function of one component how; immutable, for all shards. GuestImports serves one
/// call of the guest: it owns the import call that is under way and borrows the plan and the engine's call. Threads:
/// GuestImports on the call's shard. Errors: a call that fails traps the guest, and failure() keeps why; but a function
/// whose only result is result<_, own<error>> of wrpc:rpc/error gets the failure as its error (data-plane facts 3.10).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.hpp"
#include "engine/call.hpp"
#include "engine/engine.hpp"
#include "guest/async_imports.hpp"
#include "guest/guest_streams.hpp"
#include "guest/import_table.hpp"
#include "guest/outgoing_exchange.hpp"

namespace weft::guest {

/// Who answers an interface ("wasi:config/store") for this component without a link.
using ProvidedInterfaces = std::map<std::string, std::shared_ptr<dispatch::Target>, std::less<>>;

class ImportPlan {
 public:
  struct Import {
    ImportRule rule;
    std::shared_ptr<dispatch::Target> provider;  ///< null: over a link
    bool gives_rpc_error = false;
    bool has_resources = false;                       ///< its interface does
    bool is_async = false;                            ///< the guest may call others before it is answered
    std::vector<std::string_view> param_paths = {};   ///< of the streams and futures among its parameters
    std::vector<std::string_view> result_paths = {};  ///< the same of its results
  };

  ImportPlan(const engine::Deployment& deployment, std::string source, dispatch::Dispatcher& dispatcher,
             const ProvidedInterfaces& provided);
  ImportPlan(const ImportPlan&) = delete;
  ImportPlan& operator=(const ImportPlan&) = delete;

  /// By the engine's number.
  [[nodiscard]] const Import& at(std::uint32_t number) const { return imports_[number]; }
  /// The id that the component calls under.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  [[nodiscard]] dispatch::Dispatcher& dispatcher() const noexcept { return dispatcher_; }

 private:
  std::string source_;
  dispatch::Dispatcher& dispatcher_;
  std::vector<engine::ImportedFunction> known_;  ///< whose paths the imports name
  std::vector<Import> imports_;
};

/// What the calls of a guest take over from the call that it answers.
struct CallScope {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::uint32_t depth = 0;
  std::string trace_parent;
  std::string trace_state;
  bool deadline_for_streams = false;

  static CallScope of(const dispatch::CallContext& context) {
    return {context.deadline, context.depth, std::string(context.trace_parent), std::string(context.trace_state),
            context.deadline_for_streams};
  }
};

/// The parameters of an import call, which lie in the engine: a component called with them takes them over.
class ImportParams final : public dispatch::ParamsOwner {
 public:
  explicit ImportParams(engine::Call& caller) : caller_(caller) {}
  [[nodiscard]] engine::Call& caller() const noexcept { return caller_; }

 private:
  engine::Call& caller_;
};

class GuestImports final : public dispatch::CallHandler, private AsyncImportOwner {
 public:
  /// `plan` may be null: a guest without imports.
  GuestImports(const ImportPlan* plan, async::Shard& shard, CallScope scope)
      : plan_(plan), shard_(shard), scope_(std::move(scope)) {}
  GuestImports(const GuestImports&) = delete;
  GuestImports& operator=(const GuestImports&) = delete;
  ~GuestImports() { end_chain(); }

  /// From CallEvents::on_import of `call`, which must outlive this or be gone with cancel() before.
  void answer(engine::Call& call, std::uint64_t token, std::uint32_t import, std::span<const std::byte> params);
  /// From CallEvents::on_http: the request goes where the guest's link of wasi:http/outgoing-handler leads. `id` is the
  /// call's, for logs.
  void send(std::unique_ptr<engine::OutgoingHttp> request, const std::string& id);
  /// From CallEvents::on_stream.
  void on_stream(const engine::StreamEvent& event);
  /// on_results() with what `callee` gave, which is taken over.
  void take_results(engine::Call& callee);
  /// Cancels what is under way.
  void cancel() noexcept;

  /// Why the guest trapped, if it did because of an import. Moves it out.
  [[nodiscard]] std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  CallScope& scope() noexcept { return scope_; }

 private:
  void on_results(std::span<const std::byte> results) override;
  void on_streamed_results(std::span<const std::byte> results, dispatch::Channels channels) override;
  void on_error(Error error) override;
  void on_not_served(Error error) override;

  void call_out(const ImportPlan::Import& import, std::span<const std::byte> params);
  // AsyncImportOwner
  void on_async_results(AsyncImport& import, std::span<const std::byte> results, dispatch::Channels channels) override;
  void on_async_error(AsyncImport& import, Error error) override;

  void begin_async(engine::Call& call, std::uint64_t token, std::uint32_t number, std::span<const std::byte> params);
  [[nodiscard]] dispatch::CallContext context(const ImportPlan::Import& import);
  std::unique_ptr<dispatch::PendingCall> invoke(const ImportPlan::Import& import,
                                                const dispatch::Invocation& invocation, dispatch::CallHandler& handler,
                                                dispatch::CallMeter& meter);
  void begin_call(const ImportPlan::Import& import, std::span<const std::byte> params, std::string_view interface,
                  std::span<const std::string_view> result_paths, dispatch::ParamsOwner* owner);
  [[nodiscard]] std::string_view linked_key(const ImportRule& rule) const;
  [[nodiscard]] bool has_link(std::string_view name, std::string_view key) const;
  void give_link_name(const ImportRule& rule);
  void name_interface(std::span<const std::byte> params);
  void set_link_name(const ImportRule& rule, std::span<const std::byte> params);
  void drop(const ImportRule& rule, std::span<const std::byte> handle);
  std::uint64_t join_chain(const ImportRule& rule);
  void end_chain() noexcept;
  void give(std::span<const std::byte> results);
  void refuse(Error error);
  void note_failure(const ImportPlan::Import& import, Error error);
  [[nodiscard]] Result<RoutedHttp> http_handler() const;
  [[nodiscard]] std::string_view link_name(std::string_view key) const;

  const ImportPlan* plan_;
  async::Shard& shard_;
  CallScope scope_;
  std::vector<std::pair<std::string, std::string>> link_names_;  ///< by interface, where it is not "default"

  // Whoever gave this guest handles of resources, which end with it.
  std::uint64_t chain_ = 0;
  std::vector<std::shared_ptr<dispatch::Target>> chain_targets_;

  // The one import call under way that a guest waits for.
  engine::Call* call_ = nullptr;  ///< null: none is
  std::uint64_t token_ = 0;
  const ImportPlan::Import* import_ = nullptr;
  std::unique_ptr<dispatch::PendingCall> pending_;
  bool is_fallback_ = false;            ///< it asks the older interface
  std::vector<std::byte> kept_params_;  ///< for that
  dispatch::CallMeter meter_;           ///< of a call over a link
  GuestStreams streams_;
  AsyncImports async_;
  std::optional<OutgoingExchanges> outgoing_;  ///< made at the guest's first HTTP request
  std::optional<Error> failure_;
};

}  // namespace weft::guest
