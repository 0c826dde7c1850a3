// SPDX-License-Identifier: Apache-2.0
#include "lattice/lattice_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <ranges>
#include <set>
#include <utility>

#include "async/revision_gate.hpp"
#include "async/task_scope.hpp"
#include "lattice/turns.hpp"
#include "wire/config_merge.hpp"
#include "wire/control_subject.hpp"

namespace weft::lattice {
namespace {

constexpr std::string_view kComponent = "COMPONENT_";
constexpr std::string_view kClaims = "CLAIMS_";
/// How long a writer waits for its own change to come back.
constexpr std::chrono::milliseconds kEchoTimeout{2'000};
/// Others may write in between; each of them has made progress, so this many in a row is a fault.
constexpr int kMaxAttempts = 64;

/// Where the links of `id` are stored; 1.9's words for an id that is no key (live-host facts C7).
Result<std::string> spec_key(const std::string& id) {
  auto key = std::string(kComponent) + id;
  if (const auto valid = bus::check_key(key); !valid) {
    return Error(valid.error().code(), "failed to get component spec: " + valid.error().message(), valid.error().hint(),
                 Blame::operator_);
  }
  return key;
}

Error no_config(const std::string& name) {
  return Error(Errc::not_found, fmt::format("Config {} does not exist", name),
               fmt::format("put it with: weft config put {} key=value", name), Blame::operator_);
}

}  // namespace

/// Follows one bucket into the mirror.
class LatticeStore::Follower final : public bus::BucketWatcher {
 public:
  using Take = std::function<void(const bus::Entry& entry)>;
  /// What the mirror holds, as it would be stored.
  using Mirrored = std::function<std::vector<std::pair<std::string, std::string>>()>;

  Follower(async::Shard& shard, std::shared_ptr<bus::KeyValue> bucket, Take take, Mirrored mirrored)
      : shard_(shard),
        bucket_(std::move(bucket)),
        take_(std::move(take)),
        mirrored_(std::move(mirrored)),
        current_(shard),
        gate_(shard),
        restoring_(shard) {}

  Result<void> start() {
    WEFT_TRY(subscription_, bucket_->watch(shard_, *this));
    return {};
  }
  /// Until the mirror has all that the bucket holds.
  boost::asio::awaitable<void> current(std::chrono::milliseconds timeout) { return current_.wait_for(1, timeout); }
  boost::asio::awaitable<void> close() {
    subscription_.reset();
    co_await restoring_.close();
  }
  async::Task<Turns::Turn> take_turn(std::string key) { return turns_->take(std::move(key)); }
  boost::asio::awaitable<void> wait_for(std::uint64_t revision) { return gate_.wait_for(revision, kEchoTimeout); }

 private:
  void on_entry(const bus::Entry& entry) override {
    take_(entry);
    gate_.seen(entry.revision);
  }
  void on_current() override {
    if (std::exchange(was_current_, true)) {
      restoring_.spawn("restore " + bucket_->name(), restore());
    }
    current_.seen(1);
  }

  // A bucket that was lost with its server is filled again from what this host knows. Entries that others have put back
  // meanwhile stay theirs.
  async::Task<void> restore() {
    WEFT_CO_TRY(const auto present, co_await bucket_->list());
    std::set<std::string_view> keys;
    for (const auto& entry : present) {
      keys.insert(entry.key);
    }
    for (auto& [key, value] : mirrored_()) {
      if (keys.contains(key)) {
        continue;
      }
      const auto created = co_await bucket_->create(std::move(key), std::move(value));
      if (!created && created.error().code() != Errc::conflict) {
        co_return created.error();
      }
    }
    co_return Result<void>();
  }

  async::Shard& shard_;
  std::shared_ptr<bus::KeyValue> bucket_;
  Take take_;
  Mirrored mirrored_;
  async::RevisionGate current_;  ///< passes 1 when all that the bucket holds is in the mirror
  async::RevisionGate gate_;
  async::TaskScope restoring_;
  std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
  bool was_current_ = false;
  std::unique_ptr<bus::Subscription> subscription_;
};

LatticeStore::LatticeStore(async::Shard& shard, std::shared_ptr<bus::KeyValue> lattice_data,
                           std::shared_ptr<bus::KeyValue> config_data)
    : data_(std::move(lattice_data)),
      config_(std::move(config_data)),
      data_follower_(std::make_unique<Follower>(
          shard, data_, [this](const bus::Entry& entry) { take_data(entry); }, [this] { return mirrored_data(); })),
      config_follower_(std::make_unique<Follower>(
          shard, config_, [this](const bus::Entry& entry) { take_config(entry); },
          [this] { return mirrored_configs(); })) {}

LatticeStore::~LatticeStore() = default;

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the listener outlives close()
async::Task<void> LatticeStore::start(LatticeListener& listener, std::chrono::milliseconds timeout) {
  listener_ = &listener;
  // Both at once, because each takes several trips to the server. Nobody looks at either before both are here.
  WEFT_CO_CHECK(config_follower_->start());
  WEFT_CO_CHECK(data_follower_->start());
  const auto until = std::chrono::steady_clock::now() + timeout;
  co_await config_follower_->current(timeout);
  const auto left = until - std::chrono::steady_clock::now();
  co_await data_follower_->current(std::max(std::chrono::ceil<std::chrono::milliseconds>(left), {}));
  co_return Result<void>();
}

boost::asio::awaitable<void> LatticeStore::close() {
  co_await data_follower_->close();
  co_await config_follower_->close();
  listener_ = nullptr;
}

// ---- what the buckets tell ----

void LatticeStore::take_data(const bus::Entry& entry) {
  const std::string_view key = entry.key;
  if (key.starts_with(kComponent)) {
    take_spec(std::string(key.substr(kComponent.size())), entry);
  } else if (key.starts_with(kClaims)) {
    take_claims(std::string(key.substr(kClaims.size())), entry);
  }
  // LINKDEF_ and REFMAP_ are of older hosts; anything else is somebody else's.
}

void LatticeStore::take_spec(const std::string& id, const bus::Entry& entry) {
  // A marker changes nothing: what runs keeps its links until it is told otherwise by a put (control-plane facts 4.2).
  if (entry.operation != bus::Operation::put) {
    erased_specs_.insert(id);
    return;
  }
  erased_specs_.erase(id);
  auto spec = decode_spec(entry.value);
  if (!spec) {
    return;
  }
  auto& known = specs_[id];
  const auto before = std::exchange(known, *std::move(spec));
  if (listener_ != nullptr && before.links != known.links) {
    listener_->on_links(id, before.links, known.links);
  }
}

void LatticeStore::take_claims(const std::string& subject, const bus::Entry& entry) {
  if (entry.operation != bus::Operation::put) {
    claims_.erase(subject);
    return;
  }
  auto claims = wire::decode_stored_claims(entry.value);
  if (claims && wire::claims_subject(*claims) == subject) {
    claims_.insert_or_assign(subject, *std::move(claims));
  }
}

void LatticeStore::take_config(const bus::Entry& entry) {
  if (entry.operation != bus::Operation::put) {
    if (configs_.erase(entry.key) == 0) {
      return;
    }
  } else {
    auto map = wire::decode_string_map(entry.value);
    if (!map) {
      return;  // the last one that could be read stays
    }
    auto& known = configs_[entry.key];
    const bool same = !known.json.empty() && known.map == *map;
    known = {entry.value, *std::move(map)};
    if (same) {
      return;
    }
  }
  if (listener_ != nullptr) {
    listener_->on_config(entry.key);
  }
}

std::vector<std::pair<std::string, std::string>> LatticeStore::mirrored_data() const {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [id, spec] : specs_) {
    if (erased_specs_.contains(id)) {
      continue;
    }
    entries.emplace_back(std::string(kComponent) + id, wire::encode(spec));
  }
  for (const auto& [subject, claims] : claims_) {
    entries.emplace_back(std::string(kClaims) + subject, wire::encode_stored_claims(claims));
  }
  return entries;
}

std::vector<std::pair<std::string, std::string>> LatticeStore::mirrored_configs() const {
  std::vector<std::pair<std::string, std::string>> entries;
  entries.reserve(configs_.size());
  for (const auto& [name, config] : configs_) {
    entries.emplace_back(name, config.json);
  }
  return entries;
}

// ---- links ----

async::Task<LatticeStore::StoredSpec> LatticeStore::read_spec(std::string key, std::string id) {
  WEFT_CO_TRY(const auto entry, co_await data_->get(key));
  if (!entry) {
    const auto known = specs_.find(id);
    co_return StoredSpec{.spec = known == specs_.end() ? wire::ComponentSpec{} : known->second};
  }
  WEFT_CO_TRY(auto spec, decode_spec(entry->value));
  co_return StoredSpec{.spec = std::move(spec), .revision = entry->revision};
}

Result<wire::ComponentSpec> LatticeStore::decode_spec(const std::string& json) const {
  if (!json.empty() && json == last_written_.json) {
    return last_written_.spec;
  }
  return wire::decode_component_spec(json);
}

async::Task<void> LatticeStore::change_spec(std::string id, std::function<Result<bool>(wire::ComponentSpec&)> change) {
  WEFT_CO_TRY(const auto key, spec_key(id));
  WEFT_CO_TRY(const auto turn, co_await data_follower_->take_turn(key));
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    WEFT_CO_TRY(auto stored, co_await read_spec(key, id));
    auto& [spec, revision] = stored;
    WEFT_CO_TRY(const bool changed, change(spec));
    if (!changed && revision != 0) {
      co_return Result<void>();
    }
    auto json = wire::encode(spec);
    last_written_ = {.json = json, .spec = std::move(spec)};
    const auto written = revision == 0 ? co_await data_->create(key, std::move(json))
                                       : co_await data_->update(key, std::move(json), revision);
    if (written) {
      co_await data_follower_->wait_for(*written);
      co_return Result<void>();
    }
    if (written.error().code() != Errc::conflict) {
      co_return written.error();
    }
  }
  co_return Error(Errc::unavailable, fmt::format("the links of {} are changed by others all the time", id), "try again",
                  Blame::environment);
}

Result<void> LatticeStore::check_configs(const wire::Link& link) const {
  std::string missing;
  for (const auto* names : {&link.source_config, &link.target_config}) {
    for (const auto& name : *names) {
      if (!has_config(name)) {
        const auto* what = name.starts_with("SECRET") ? "Secret reference" : "Configuration";
        missing += fmt::format("{}{} {} not found in the configuration store.", missing.empty() ? "" : " ", what, name);
      }
    }
  }
  if (missing.empty()) {
    return {};
  }
  return Error(Errc::not_found, std::move(missing), "put it before the link: weft config put NAME key=value",
               Blame::operator_);
}

async::Task<void> LatticeStore::put_link(wire::Link link) {
  WEFT_CO_CHECK(check_configs(link));
  auto source = link.source_id;
  const auto change = [link = std::move(link)](wire::ComponentSpec& spec) -> Result<bool> {
    if (const auto* other = wire::find_conflict(spec.links, link)) {
      return Error(
          Errc::conflict,
          fmt::format("link already exists with different target, consider deleting the existing link or using "
                      "a different link name (source {}, name {}, {}:{}, existing target {})",
                      link.source_id, link.name, link.wit_namespace, link.wit_package, other->target),
          {}, Blame::operator_);
    }
    return wire::put_link(spec.links, link);
  };
  co_return co_await change_spec(std::move(source), change);
}

async::Task<LatticeStore::DeletedLink> LatticeStore::delete_link(wire::DeleteLink command) {
  DeletedLink deleted;
  WEFT_CO_TRY(auto key, spec_key(command.source_id));
  WEFT_CO_TRY(const auto entry, co_await data_->get(std::move(key)));
  if (!entry && !specs_.contains(command.source_id)) {
    co_return deleted;
  }
  deleted.spec_existed = true;
  const auto change = [&deleted, &command](wire::ComponentSpec& spec) -> Result<bool> {
    deleted.removed.reset();
    const auto found = std::ranges::find_if(spec.links, [&command](const wire::Link& link) {
      return link.source_id == command.source_id && link.wit_namespace == command.wit_namespace &&
             link.wit_package == command.wit_package && link.name == command.name;
    });
    if (found == spec.links.end()) {
      return false;
    }
    deleted.removed = std::move(*found);
    spec.links.erase(found);
    return true;
  };
  WEFT_CO_CHECK(co_await change_spec(command.source_id, change));
  co_return deleted;
}

std::vector<wire::Link> LatticeStore::links() const {
  std::vector<wire::Link> all;
  for (const auto& [id, spec] : specs_) {
    all.insert(all.end(), spec.links.begin(), spec.links.end());
  }
  return all;
}

const std::vector<wire::Link>& LatticeStore::links_of(std::string_view source_id) const {
  static const std::vector<wire::Link> none;
  const auto found = specs_.find(source_id);
  return found == specs_.end() ? none : found->second.links;
}

std::vector<wire::Link> LatticeStore::links_to(std::string_view target_id) const {
  std::vector<wire::Link> found;
  for (const auto& [id, spec] : specs_) {
    std::ranges::copy_if(spec.links, std::back_inserter(found),
                         [target_id](const wire::Link& link) { return link.target == target_id; });
  }
  return found;
}

async::Task<void> LatticeStore::ensure_spec(std::string id, std::string url) {
  const auto change = [url](wire::ComponentSpec& spec) -> Result<bool> {
    if (spec.url.empty() && spec.links.empty()) {
      spec.url = url;
      return true;
    }
    return false;
  };
  auto changed = co_await change_spec(id, change);
  if (!changed && changed.error().code() == Errc::unavailable) {
    specs_.try_emplace(std::move(id), wire::ComponentSpec{.url = std::move(url), .links = {}});
    co_return Result<void>();
  }
  co_return changed;
}

// ---- claims ----

async::Task<void> LatticeStore::put_claims(wire::Claims claims) {
  auto key = std::string(kClaims) + wire::claims_subject(claims);
  const auto stored = co_await data_->put(std::move(key), wire::encode_stored_claims(claims));
  if (stored) {
    co_await data_follower_->wait_for(*stored);
  } else if (stored.error().code() == Errc::unavailable) {
    claims_.insert_or_assign(wire::claims_subject(claims), std::move(claims));
  } else {
    co_return stored.error();
  }
  co_return Result<void>();
}

std::vector<wire::StringMap> LatticeStore::claims() const {
  std::vector<wire::StringMap> list;
  for (const bool components : {true, false}) {
    for (const auto& [subject, claims] : claims_) {
      if (std::holds_alternative<wire::ComponentClaims>(claims) == components) {
        list.push_back(wire::claims_list_entry(claims));
      }
    }
  }
  return list;
}

// ---- configurations ----

async::Task<void> LatticeStore::put_config(std::string name, std::string json) {
  WEFT_CO_CHECK(bus::check_key(name));
  WEFT_CO_CHECK(wire::decode_string_map(json));
  WEFT_CO_TRY(const auto revision, co_await config_->put(std::move(name), std::move(json)));
  co_await config_follower_->wait_for(revision);
  co_return Result<void>();
}

async::Task<std::optional<wire::StringMap>> LatticeStore::get_config(std::string name) {
  if (const auto valid = bus::check_key(name); !valid) {
    co_return Error(valid.error().code(), "key cannot be empty or start/end with `.`: " + valid.error().message(),
                    valid.error().hint(), Blame::operator_);
  }
  WEFT_CO_TRY(const auto entry, co_await config_->get(std::move(name)));
  if (!entry) {
    co_return std::optional<wire::StringMap>();
  }
  WEFT_CO_TRY(auto map, wire::decode_string_map(entry->value));
  co_return std::optional(std::move(map));
}

async::Task<void> LatticeStore::delete_config(std::string name) {
  WEFT_CO_CHECK(bus::check_key(name));
  co_return co_await config_->purge(std::move(name));
}

bool LatticeStore::has_config(std::string_view name) const { return configs_.contains(name); }

Result<ConfigBundle> LatticeStore::bundle(const std::vector<std::string>& names) const {
  for (const auto& name : names) {
    if (!wire::is_secret_name(name) && !has_config(name)) {
      return no_config(name);
    }
  }
  return live_bundle(names);
}

ConfigBundle LatticeStore::live_bundle(const std::vector<std::string>& names) const {
  ConfigBundle merged;
  for (const auto& name : wire::split_config_names(names).configs) {
    if (const auto found = configs_.find(name); found != configs_.end()) {
      for (const auto& [key, value] : found->second.map) {
        merged.insert_or_assign(key, value);
      }
    }
  }
  return merged;
}

Result<wire::SecretReference> LatticeStore::secret_reference(const std::string& name) const {
  const auto found = configs_.find(name);
  if (found == configs_.end()) return no_config(name);
  return wire::read_secret_reference(name, found->second.map);
}

std::vector<std::string> LatticeStore::config_names() const {
  const auto names = std::views::keys(configs_);
  return {names.begin(), names.end()};
}

}  // namespace weft::lattice
