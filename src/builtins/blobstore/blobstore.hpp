// SPDX-License-Identifier: Apache-2.0
/// wrpc:blobstore 0.2.0 and 0.1.0 in front of a Store for each link: what both blobstore providers are made of. Objects
/// and names are streamed: each step of one (a read of the store, a piece for the caller) begins when the step before
/// has been taken, so that a transfer holds a piece or two of its object, and no thread while it waits for the other
/// side.
///
/// Ownership: by the host, as every Builtin; borrows the host's pool until stop(). Threads: as weft/builtin.hpp says;
/// the stores are used on the pool only.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/blobstore/store.hpp"
#include "builtins/link_map.hpp"

namespace weft::builtins::blobstore {

/// The pool, for as long as the provider is not being stopped. Shared by the provider and its transfers.
class Work {
 public:
  using Step = std::move_only_function<void() noexcept>;
  explicit Work(std::function<bool(Step)> post) : post_(std::move(post)) {}

  /// False: it does not run. One that was taken may be dropped unrun, if stop() comes first.
  static bool post(const std::shared_ptr<Work>& self, Step step);
  /// Nothing runs any more.
  void stop();

 private:
  std::function<bool(Step)> post_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  bool stopped_ = false;
};

class Blobstore : public Builtin {
 public:
  Result<void> put_link(const BuiltinLink& link) final;
  void delete_link(const BuiltinLink& link) final;
  void stop() override { work_->stop(); }

 protected:
  explicit Blobstore(const BuiltinContext& context);
  /// The store of a link of which this provider is the target. On a thread that may block.
  virtual Result<std::shared_ptr<Store>> open(const BuiltinLink& link) = 0;
  /// Those of which this provider is the target.
  [[nodiscard]] std::vector<BuiltinLink> links() const;

 private:
  struct Held {
    BuiltinLink link;
    std::shared_ptr<Store> store;
  };
  void add_containers(std::string_view interface);
  void add_objects(std::string_view interface);
  void add_streams();
  void add_older_streams();
  template <class... A, class F>
  void serve(std::string_view interface, std::string_view name, F work);
  [[nodiscard]] Outcome<std::shared_ptr<Store>> store_of(const CallInfo& call) const;

  std::string id_;
  std::shared_ptr<Work> work_;
  LinkMap<Store> stores_;
  std::map<std::pair<std::string, std::string>, Held> held_;
};

}  // namespace weft::builtins::blobstore
