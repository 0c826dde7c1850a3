// SPDX-License-Identifier: Apache-2.0
/// Resources that a provider makes for its callers: a table of live objects, and the handles by which callers name
/// them.
///
///   class Shop final : public weft::Builtin {
///     weft::Resource<Cart> carts_{*this};
///     Shop(...) {
///       function(kApi, "[constructor]cart", [this](const CallInfo& call) { return carts_.add(call,
///       std::make_shared<Cart>()); }); function(kApi, "[method]cart.add", [this](Handle<Cart> self, std::string item)
///       -> Result<void> {
///         WEFT_TRY(const auto cart, carts_.find(self)); ...
///       resource(kApi, "cart", carts_);
///
/// A handle is a capability: 112 random bits, so whoever has it was given it. Dropping a handle sends nothing on the
/// wire; an object therefore goes when the host says so: by "[resource-drop]cart", at the end of the chain of calls it
/// was made in (where the host tells), or when the last link of its maker is deleted. Ownership: a member of its
/// Builtin, which it borrows. Objects are shared with the calls that use them, and may outlive their handle by those.
/// Threads: any. Errors: not_found (no such handle), resource_exhausted (table full).
#pragma once

#include <weft/call_info.hpp>
#include <weft/result.hpp>
#include <weft/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

class Builtin;

namespace detail {

/// The table without its type.
class HandleTable {
 public:
  HandleTable(Builtin& owner, std::size_t max_handles);
  ~HandleTable();
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  Result<std::string> add(const CallInfo& call, std::shared_ptr<void> object);
  [[nodiscard]] std::shared_ptr<void> find(std::string_view handle) const;
  bool drop(std::string_view handle);
  void drop_chain(std::uint64_t chain);
  void drop_source(std::string_view source);
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

template <class T>
class Resource {
 public:
  static constexpr std::size_t kMaxHandles = 10'000;

  explicit Resource(Builtin& owner, std::size_t max_handles = kMaxHandles) : table_(owner, max_handles) {}

  Result<Handle<T>> add(const CallInfo& call, std::shared_ptr<T> object) {
    WEFT_TRY(auto bytes, table_.add(call, std::move(object)));
    return Handle<T>{std::move(bytes)};
  }
  [[nodiscard]] Result<std::shared_ptr<T>> find(const Handle<T>& handle) const {
    if (auto object = table_.find(handle.bytes)) return std::static_pointer_cast<T>(std::move(object));
    return Error(Errc::not_found, "no such resource",
                 "a handle is valid until it is dropped or its chain of calls ends", Blame::guest);
  }
  /// False if there is no such handle.
  bool drop(const Handle<T>& handle) { return table_.drop(handle.bytes); }
  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  detail::HandleTable table_;
};

}  // namespace weft
