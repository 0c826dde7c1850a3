// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore/blobstore.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "builtins/blobstore/transfers.hpp"

namespace weft::builtins::blobstore {
namespace {

constexpr std::string_view kInterface = "wrpc:blobstore/blobstore@0.2.0";
constexpr std::string_view kOlder = "wrpc:blobstore/blobstore@0.1.0";

Page page_of(std::optional<std::uint64_t> limit, std::optional<std::uint64_t> offset) {
  return {.offset = offset.value_or(0), .limit = limit.value_or(UINT64_MAX)};
}

}  // namespace

bool Work::post(const std::shared_ptr<Work>& self, Step step) {
  {
    const std::scoped_lock lock(self->mutex_);
    if (self->stopped_ || !self->post_) return false;
    ++self->running_;
  }
  const auto ended = [](Work& work) {
    const std::scoped_lock lock(work.mutex_);
    --work.running_;
    work.idle_.notify_all();
  };
  const bool posted = self->post_([self, ended, step = std::move(step)]() mutable noexcept {
    bool runs = false;
    {
      const std::scoped_lock lock(self->mutex_);
      runs = !self->stopped_;
    }
    if (runs) step();
    step = {};
    ended(*self);
  });
  if (!posted) ended(*self);
  return posted;
}

void Work::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  idle_.wait(lock, [this] { return running_ == 0; });
  post_ = {};
}

Blobstore::Blobstore(const BuiltinContext& context)
    : id_(context.id), work_(std::make_shared<Work>(context.post_blocking)), stores_(context.shards) {
  for (const auto interface : {kInterface, kOlder}) {
    add_containers(interface);
    add_objects(interface);
  }
  add_streams();
  add_older_streams();
}

Result<void> Blobstore::put_link(const BuiltinLink& link) {
  if (link.target != id_) return {};
  WEFT_TRY(auto store, open(link));
  stores_.put(link.source, link.name, store);
  auto& held = held_[{link.source, link.name}];
  const auto before = std::exchange(held, {.link = link, .store = std::move(store)});
  if (before.store) before.store->close();
  return {};
}

void Blobstore::delete_link(const BuiltinLink& link) {
  if (link.target != id_) return;
  stores_.erase(link.source, link.name);
  const auto gone = held_.extract({link.source, link.name});
  if (!gone.empty()) gone.mapped().store->close();
}

std::vector<BuiltinLink> Blobstore::links() const {
  std::vector<BuiltinLink> links;
  links.reserve(held_.size());
  for (const auto& [key, held] : held_) links.push_back(held.link);
  return links;
}

Outcome<std::shared_ptr<Store>> Blobstore::store_of(const CallInfo& call) const {
  auto store = stores_.find_anywhere(call.source, call.link_name);
  if (store == nullptr) {
    return std::unexpected("\"" + std::string(call.source) + "\" has no link named \"" + std::string(call.link_name) +
                           "\" to this store");
  }
  return store;
}

/// A function of the values `A` that is one step on the pool.
template <class... A, class F>
void Blobstore::serve(std::string_view interface, std::string_view name, F work) {
  blocking(interface, name, [this, work](const CallInfo& call, A... values) -> std::invoke_result_t<F, Store&, A&...> {
    const auto store = store_of(call);
    if (!store) return std::unexpected(store.error());
    return work(**store, values...);
  });
}

void Blobstore::add_containers(std::string_view interface) {
  using Name = std::string;
  serve<Name>(interface, "create-container", [](Store& store, Name& name) { return store.create_container(name); });
  serve<Name>(interface, "container-exists", [](Store& store, Name& name) { return store.container_exists(name); });
  serve<Name>(interface, "delete-container", [](Store& store, Name& name) { return store.delete_container(name); });
  serve<Name>(interface, "clear-container", [](Store& store, Name& name) { return store.clear_container(name); });
  serve<Name>(interface, "get-container-info", [](Store& store, Name& name) { return store.container_info(name); });
}

void Blobstore::add_objects(std::string_view interface) {
  using Id = ObjectId;
  serve<Id>(interface, "has-object", [](Store& store, Id& id) { return store.has_object(id); });
  serve<Id>(interface, "get-object-info", [](Store& store, Id& id) { return store.object_info(id); });
  serve<Id>(interface, "delete-object", [](Store& store, Id& id) { return store.delete_object(id); });
  serve<Id, Id>(interface, "copy-object", [](Store& store, Id& from, Id& to) { return store.copy_object(from, to); });
  serve<Id, Id>(interface, "move-object", [](Store& store, Id& from, Id& to) { return store.move_object(from, to); });
  serve<std::string, std::vector<std::string>>(
      interface, "delete-objects",
      [](Store& store, std::string& container, std::vector<std::string>& objects) -> Outcome<void> {
        for (auto& object : objects) {
          if (auto done = store.delete_object({.container = container, .object = std::move(object)}); !done)
            return done;
        }
        return {};
      });
}

void Blobstore::add_streams() {
  using Number = std::optional<std::uint64_t>;
  function(kInterface, "get-container-data",
           [this](const CallInfo& call, Reply<Streamed<std::byte>> reply, ObjectId id, std::uint64_t start,
                  std::uint64_t end) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             send_object(work_, *std::move(store), std::move(id), start, end, std::move(reply));
           });
  function(kInterface, "list-container-objects",
           [this](const CallInfo& call, Reply<Streamed<std::string>> reply, std::string container, Number limit,
                  Number offset) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             send_names(work_, *std::move(store), std::move(container), page_of(limit, offset), std::move(reply));
           });
  function(kInterface, "write-container-data",
           [this](const CallInfo& call, Reply<Outcome<Status>> reply, ObjectId id, ByteSource data) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             take_object(work_, *std::move(store), std::move(id), std::move(data), std::move(reply));
           });
}

/// Without the future that says how a stream ended.
void Blobstore::add_older_streams() {
  using Number = std::optional<std::uint64_t>;
  function(kOlder, "get-container-data",
           [this](const CallInfo& call, Reply<OlderStreamed<std::byte>> reply, ObjectId id, std::uint64_t start,
                  std::uint64_t end) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             send_object(work_, *std::move(store), std::move(id), start, end, std::move(reply));
           });
  function(kOlder, "list-container-objects",
           [this](const CallInfo& call, Reply<OlderStreamed<std::string>> reply, std::string container, Number limit,
                  Number offset) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             send_names(work_, *std::move(store), std::move(container), page_of(limit, offset), std::move(reply));
           });
  function(kOlder, "write-container-data",
           [this](const CallInfo& call, Reply<Outcome<void>> reply, ObjectId id, ByteSource data) {
             auto store = store_of(call);
             if (!store) return reply.send(std::unexpected(store.error()));
             take_object(work_, *std::move(store), std::move(id), std::move(data), std::move(reply));
           });
}

}  // namespace weft::builtins::blobstore
