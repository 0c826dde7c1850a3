// SPDX-License-Identifier: Apache-2.0
#include "bus/mirrored_key_value.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <utility>

#include "async/deadline.hpp"
#include "async/task_scope.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

namespace asio = boost::asio;

namespace {

using Bucket = std::shared_ptr<KeyValue>;

/// Between looks whether the server has come.
constexpr std::chrono::milliseconds kRetry{100};
/// What the end waits for the copy to be stored.
constexpr std::chrono::milliseconds kStoreTimeout{5'000};

}  // namespace

/// The copy, and the server's bucket once it is open.
struct MirroredKeyValue::State : std::enable_shared_from_this<State> {
  State(async::Shard& where, MirrorSource from, Bucket copy, MirrorOptions given)
      : shard(where),
        source(std::move(from)),
        kept(std::move(copy)),
        options(std::move(given)),
        trying(where),
        storing(where) {}

  [[nodiscard]] bool is_there() const { return remote != nullptr && source.is_there(); }

  /// The server's bucket for a write.
  [[nodiscard]] Result<Bucket> writable() const {
    if (is_there()) {
      return remote;
    }
    return Error(Errc::unavailable, "the lattice's NATS server does not answer, and this would change what it keeps",
                 "try again when it is back; this host goes on with what it knows", Blame::environment);
  }

  void log(LogLevel level, std::string_view line) const {
    if (options.log) {
      options.log(level, line);
    }
  }

  static async::Task<void> keep_trying(std::shared_ptr<State> state) {
    bool told = false;
    while (state->remote == nullptr) {
      WEFT_CO_CHECK(co_await async::sleep_for(kRetry));
      if (!state->source.is_there()) {
        continue;
      }
      auto opened = co_await state->source.open();
      if (opened) {
        state->remote = *std::move(opened);
      } else if (opened.error().code() == Errc::cancelled) {
        co_return opened.error();
      } else if (!std::exchange(told, true)) {
        state->log(LogLevel::warning, fmt::format("{}; trying on", opened.error().to_string()));
      }
    }
    state->begin_watches();
    co_return Result<void>();
  }

  void begin_watches();

  /// What the server has told goes into the copy.
  void take(const Entry& entry) {
    const auto known = copy.find(entry.key);
    if (entry.operation == Operation::put) {
      if (known != copy.end() && known->second == entry.value) {
        return;
      }
      copy.insert_or_assign(entry.key, entry.value);
    } else {
      if (known == copy.end()) {
        return;
      }
      copy.erase(known);
    }
    // The store carries writes out in the order in which they are begun.
    storing.spawn("keep " + entry.key, store(shared_from_this(), entry));
  }

  static async::Task<void> store(std::shared_ptr<State> state, Entry entry) {
    ++state->writes;
    const auto stored = co_await write(state->kept, std::move(entry));
    --state->writes;
    if (!stored && stored.error().code() != Errc::cancelled && !std::exchange(state->told_fault, true)) {
      state->log(LogLevel::warning,
                 fmt::format("the copy of the lattice's state cannot be kept: {}", stored.error().to_string()));
    }
    co_return Result<void>();
  }

  static async::Task<void> write(Bucket kept, Entry entry) {
    if (entry.operation != Operation::put) {
      co_return co_await kept->purge(std::move(entry.key));
    }
    WEFT_CO_CHECK(co_await kept->put(std::move(entry.key), std::move(entry.value)));
    co_return Result<void>();
  }

  async::Shard& shard;
  MirrorSource source;
  Bucket kept;
  MirrorOptions options;
  Bucket remote;  ///< null until it has been opened once
  std::map<std::string, std::string> copy;
  std::set<Watch*> watches;
  std::size_t writes = 0;
  bool told_fault = false;
  async::TaskScope trying;
  async::TaskScope storing;
};

/// One watcher: told the copy, then what the server tells.
class MirroredKeyValue::Watch final : public BucketWatcher, public std::enable_shared_from_this<Watch> {
 public:
  Watch(std::shared_ptr<State> state, BucketWatcher& watcher)
      : state_(std::move(state)), watcher_(watcher), patience_(state_->shard.io()) {}

  void start() {
    state_->watches.insert(this);
    asio::post(state_->shard.io(), [self = shared_from_this()] { self->tell_copy(); });
  }
  void close() {
    closed_ = true;
    patience_.cancel();
    subscription_.reset();
    state_->watches.erase(this);
  }
  /// The server's bucket is open.
  void follow() {
    if (closed_ || !copy_told_ || subscription_) {
      return;
    }
    if (auto followed = state_->remote->watch(state_->shard, *this)) {
      subscription_ = *std::move(followed);
    } else {
      state_->log(LogLevel::error,
                  fmt::format("cannot watch {}: {}", state_->remote->name(), followed.error().to_string()));
    }
  }

 private:
  void tell_copy() {
    for (const auto& [key, value] : std::map(state_->copy)) {
      if (closed_) {
        return;
      }
      watcher_.on_entry({.key = key, .value = value});
    }
    copy_told_ = true;
    if (closed_) {
      return;
    }
    if (state_->remote) {
      follow();
    }
    if (!state_->source.is_there()) {
      return tell_current();
    }
    patience_.expires_after(state_->options.patience);
    patience_.async_wait([self = shared_from_this()](const boost::system::error_code& fault) {
      if (!fault) {
        self->tell_current();
      }
    });
  }

  /// The first time.
  void tell_current() {
    if (!closed_ && !std::exchange(current_told_, true)) {
      watcher_.on_current();
    }
  }

  void on_entry(const Entry& entry) override {
    state_->take(entry);
    watcher_.on_entry(entry);
  }
  void on_current() override {
    const auto self = shared_from_this();
    patience_.cancel();
    tell_current();
    if (!closed_) {
      watcher_.on_current();
    }
  }

  std::shared_ptr<State> state_;
  BucketWatcher& watcher_;
  asio::steady_timer patience_;
  std::unique_ptr<Subscription> subscription_;
  bool copy_told_ = false;
  bool current_told_ = false;
  bool closed_ = false;
};

void MirroredKeyValue::State::begin_watches() {
  for (auto* watch : std::set(watches)) {
    watch->follow();
  }
}

MirroredKeyValue::MirroredKeyValue(std::shared_ptr<State> state) : state_(std::move(state)) {}

MirroredKeyValue::~MirroredKeyValue() = default;

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the shard outlives what is made
async::Task<std::shared_ptr<MirroredKeyValue>> MirroredKeyValue::open(async::Shard& shard, MirrorSource source,
                                                                      std::shared_ptr<KeyValue> kept,
                                                                      MirrorOptions options) {
  WEFT_CO_TRY(auto entries, co_await kept->list());
  auto state = std::make_shared<State>(shard, std::move(source), std::move(kept), std::move(options));
  for (auto& entry : entries) {
    state->copy.insert_or_assign(std::move(entry.key), std::move(entry.value));
  }
  if (state->source.is_there()) {
    const bool may_wait = state->options.first_connect == FirstConnect::wait_for_server;
    auto opened = may_wait ? co_await async::with_deadline(state->source.open(), state->options.patience)
                           : co_await state->source.open();
    if (opened) {
      state->remote = *std::move(opened);
    } else if (!may_wait) {
      co_return opened.error();
    } else {
      state->log(LogLevel::warning, fmt::format("{}; trying on", opened.error().to_string()));
    }
  }
  if (!state->remote) {
    state->trying.spawn("open " + state->kept->name(), State::keep_trying(state));
  }
  co_return std::shared_ptr<MirroredKeyValue>(new MirroredKeyValue(std::move(state)));
}

boost::asio::awaitable<void> MirroredKeyValue::close() {
  const auto state = state_;
  co_await state->trying.close();
  const auto end = std::chrono::steady_clock::now() + kStoreTimeout;
  while (state->writes > 0 && std::chrono::steady_clock::now() < end) {
    if (!co_await async::sleep_for(std::chrono::milliseconds(1))) {
      break;
    }
  }
  co_await state->storing.close();
}

const std::string& MirroredKeyValue::name() const noexcept { return state_->kept->name(); }

async::Task<std::optional<Entry>> MirroredKeyValue::get(std::string key) {
  WEFT_CO_CHECK(check_key(key));
  if (state_->is_there()) {
    co_return co_await state_->remote->get(std::move(key));
  }
  const auto found = state_->copy.find(key);
  co_return found == state_->copy.end() ? std::nullopt
                                        : std::optional(Entry{.key = found->first, .value = found->second});
}

async::Task<std::vector<Entry>> MirroredKeyValue::list() {
  if (state_->is_there()) {
    co_return co_await state_->remote->list();
  }
  std::vector<Entry> entries;
  for (const auto& [key, value] : state_->copy) {
    entries.push_back({.key = key, .value = value});
  }
  co_return entries;
}

async::Task<std::uint64_t> MirroredKeyValue::put(std::string key, std::string value) {
  WEFT_CO_TRY(const auto remote, state_->writable());
  co_return co_await remote->put(std::move(key), std::move(value));
}

async::Task<std::uint64_t> MirroredKeyValue::create(std::string key, std::string value) {
  WEFT_CO_TRY(const auto remote, state_->writable());
  co_return co_await remote->create(std::move(key), std::move(value));
}

async::Task<std::uint64_t> MirroredKeyValue::update(std::string key, std::string value, std::uint64_t expected) {
  WEFT_CO_TRY(const auto remote, state_->writable());
  co_return co_await remote->update(std::move(key), std::move(value), expected);
}

async::Task<void> MirroredKeyValue::erase(std::string key) {
  WEFT_CO_TRY(const auto remote, state_->writable());
  co_return co_await remote->erase(std::move(key));
}

async::Task<void> MirroredKeyValue::purge(std::string key) {
  WEFT_CO_TRY(const auto remote, state_->writable());
  co_return co_await remote->purge(std::move(key));
}

Result<std::unique_ptr<Subscription>> MirroredKeyValue::watch(async::Shard& /*shard*/, BucketWatcher& watcher) {
  auto watch = std::make_shared<Watch>(state_, watcher);
  watch->start();
  return std::make_unique<EndingSubscription>([watch = std::move(watch)] { watch->close(); });
}

}  // namespace weft::bus
