// SPDX-License-Identifier: Apache-2.0
/// What a lattice shares: links, claims and named configurations, in the two buckets of wasmCloud 1.9. Keeps a mirror
/// of both, which is what running components and providers follow; writes go to the bucket with the revision that was
/// read, so that two hosts never overwrite each other's links.
///
/// Absence is never taken for deletion: what a bucket no longer holds stays in the mirror until a marker says
/// otherwise. Ownership: by the host; borrows its shard and buckets. Threads: the control shard. Errors: as the buckets
/// give them, and what each function names. Source: control-plane facts 3.13-3.15, 4, 9.1, 9.2; Q8, Q9, Q13.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/key_value.hpp"
#include "wire/claims.hpp"
#include "wire/control.hpp"
#include "wire/link.hpp"
#include "wire/secrets.hpp"

namespace weft::lattice {

/// Told of what changes in the mirror, on the control shard, after the mirror has changed.
class LatticeListener {
 public:
  /// The links of one source are now `spec.links`; before they were `before`.
  virtual void on_links(const std::string& source_id, const std::vector<wire::Link>& before,
                        const std::vector<wire::Link>& now) = 0;
  virtual void on_config(const std::string& name) = 0;

 protected:
  ~LatticeListener() = default;
};

/// A bundle of named configurations merged into one map, right-most wins.
using ConfigBundle = wire::StringMap;

class LatticeStore {
 public:
  LatticeStore(async::Shard& shard, std::shared_ptr<bus::KeyValue> lattice_data,
               std::shared_ptr<bus::KeyValue> config_data);
  ~LatticeStore();
  LatticeStore(const LatticeStore&) = delete;
  LatticeStore& operator=(const LatticeStore&) = delete;

  /// Follows both buckets; done when all that they hold is in the mirror.
  async::Task<void> start(LatticeListener& listener, std::chrono::milliseconds timeout);
  /// Ends following. The mirror stays.
  boost::asio::awaitable<void> close();

  /// ---- links ----
  /// Stores a link. Errors: not_found (a configuration that it names is not there), conflict (another link of that
  /// source, interface and name leads elsewhere), invalid_argument (an id that is no key).
  async::Task<void> put_link(wire::Link link);
  /// Whether there was a specification, and the link that was removed from it.
  struct DeletedLink {
    bool spec_existed = false;
    std::optional<wire::Link> removed;
  };
  async::Task<DeletedLink> delete_link(wire::DeleteLink command);
  /// Every link in the mirror, by source.
  [[nodiscard]] std::vector<wire::Link> links() const;
  [[nodiscard]] const std::vector<wire::Link>& links_of(std::string_view source_id) const;
  /// Links that lead to `target_id`.
  [[nodiscard]] std::vector<wire::Link> links_to(std::string_view target_id) const;
  /// Makes sure that an entry is there for a component or provider that starts; keeps what it holds. While the bucket
  /// is `unavailable` it is there in the mirror, and gets into the bucket when that is back: nothing waits for a server
  /// to start.
  async::Task<void> ensure_spec(std::string id, std::string url);

  /// ---- claims ----
  /// As ensure_spec() while the bucket is unavailable.
  async::Task<void> put_claims(wire::Claims claims);
  /// As claims.get answers: components first.
  [[nodiscard]] std::vector<wire::StringMap> claims() const;

  /// ---- configurations ----
  /// Stores `json` unchanged. Errors: malformed (not an object of strings), invalid_argument (name).
  async::Task<void> put_config(std::string name, std::string json);
  /// From the bucket itself. Nothing: there is none. Errors: malformed.
  async::Task<std::optional<wire::StringMap>> get_config(std::string name);
  async::Task<void> delete_config(std::string name);
  [[nodiscard]] bool has_config(std::string_view name) const;
  /// From the mirror, without the names that stand for secrets. Errors: not_found naming the configuration.
  [[nodiscard]] Result<ConfigBundle> bundle(const std::vector<std::string>& names) const;
  /// The same where a configuration that has gone counts as empty: for what runs already.
  [[nodiscard]] ConfigBundle live_bundle(const std::vector<std::string>& names) const;
  /// What a name that stands for a secret refers to. Errors: not_found, malformed, naming it.
  [[nodiscard]] Result<wire::SecretReference> secret_reference(const std::string& name) const;
  /// Every name, sorted.
  [[nodiscard]] std::vector<std::string> config_names() const;

 private:
  class Follower;

  void take_data(const bus::Entry& entry);
  void take_spec(const std::string& id, const bus::Entry& entry);
  void take_claims(const std::string& subject, const bus::Entry& entry);
  void take_config(const bus::Entry& entry);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> mirrored_data() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> mirrored_configs() const;
  /// Reads, changes and writes one specification until nobody else wrote in between. `change` is false if there is
  /// nothing to write.
  async::Task<void> change_spec(std::string id, std::function<Result<bool>(wire::ComponentSpec&)> change);
  struct StoredSpec {
    wire::ComponentSpec spec;
    std::uint64_t revision = 0;  ///< 0: not stored
  };
  async::Task<StoredSpec> read_spec(std::string key, std::string id);
  [[nodiscard]] Result<void> check_configs(const wire::Link& link) const;

  /// The text as stored and what it says.
  struct Config {
    std::string json;
    wire::StringMap map;
  };

  std::shared_ptr<bus::KeyValue> data_;
  std::shared_ptr<bus::KeyValue> config_;
  LatticeListener* listener_ = nullptr;
  /// The last specification that was written here, and its text: who puts a thousand links of one provider need not
  /// decode them all for each.
  struct Written {
    std::string json;
    wire::ComponentSpec spec;
  };
  [[nodiscard]] Result<wire::ComponentSpec> decode_spec(const std::string& json) const;

  Written last_written_;
  std::map<std::string, wire::ComponentSpec, std::less<>> specs_;
  /// Those whose newest entry is a marker: what runs keeps its links, but nobody puts them back into the bucket.
  std::set<std::string, std::less<>> erased_specs_;
  std::map<std::string, wire::Claims, std::less<>> claims_;
  std::map<std::string, Config, std::less<>> configs_;
  std::unique_ptr<Follower> data_follower_;
  std::unique_ptr<Follower> config_follower_;
};

}  // namespace weft::lattice
