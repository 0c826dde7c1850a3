// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-nats/bucket_store.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>

#include "async/completion.hpp"
#include "async/deadline.hpp"
#include "builtins/guest_text.hpp"

namespace weft::builtins::keyvalue_nats {
namespace {

using keyvalue::other;
using Bucket = std::shared_ptr<bus::KeyValue>;

/// The first wait after a lost race; it doubles, up to kLongestWait.
constexpr std::chrono::milliseconds kFirstWait{2};
constexpr std::chrono::milliseconds kLongestWait{100};

async::Task<std::optional<Bytes>> get_one(Bucket bucket, std::string key) {
  WEFT_CO_TRY(auto entry, co_await bucket->get(std::move(key)));
  if (!entry) co_return std::optional<Bytes>();
  co_return std::optional(Bytes{std::move(entry->value)});
}

async::Task<bool> has_one(Bucket bucket, std::string key) {
  WEFT_CO_TRY(const auto entry, co_await bucket->get(std::move(key)));
  co_return entry.has_value();
}

async::Task<void> put_one(Bucket bucket, std::string key, std::string value) {
  WEFT_CO_TRY(const auto revision, co_await bucket->put(std::move(key), std::move(value)));
  (void)revision;
  co_return Result<void>();
}

async::Task<void> purge_one(Bucket bucket, std::string key) { co_return co_await bucket->purge(std::move(key)); }

async::Task<keyvalue::KeyPage> page_of(Bucket bucket, std::uint64_t skip) {
  WEFT_CO_TRY(auto keys, co_await bucket->keys());
  keyvalue::KeyPage page;
  const auto begin = static_cast<std::size_t>(std::min<std::uint64_t>(skip, keys.size()));
  const auto end = std::min(keys.size(), begin + keyvalue::kPageKeys);
  page.keys.assign(std::make_move_iterator(keys.begin() + static_cast<std::ptrdiff_t>(begin)),
                   std::make_move_iterator(keys.begin() + static_cast<std::ptrdiff_t>(end)));
  if (end < keys.size()) page.cursor = end;
  co_return page;
}

/// One batch: several workers take one item after the other, and the last one to end tells.
struct Batch {
  std::function<async::Task<void>(std::size_t)> step;
  std::size_t count = 0;
  std::size_t next = 0;
  std::size_t working = 0;
  std::optional<Error> failed;
  std::optional<async::Completion<void>> done;
};

async::Task<void> work_off(std::shared_ptr<Batch> batch) {
  while (batch->next < batch->count && !batch->failed) {
    const auto index = batch->next++;
    auto outcome = co_await batch->step(index);
    if (!outcome && !batch->failed) batch->failed = std::move(outcome).error();
  }
  if (--batch->working == 0) batch->done->complete(batch->failed ? Result<void>(*batch->failed) : Result<void>());
  co_return Result<void>();
}

/// Does the step for every index, some of them side by side; ends with the first failure.
async::Task<void> for_each(std::shared_ptr<nats::Line> line, std::size_t count,
                           std::function<async::Task<void>(std::size_t)> step) {
  if (count == 0) co_return Result<void>();
  const auto batch = std::make_shared<Batch>();
  batch->step = std::move(step);
  batch->count = count;
  batch->working = std::min(count, BucketStore::kSideBySide);
  co_return co_await async::wait_for_completion<void>([&line, &batch](const async::Completion<void>& done) {
    batch->done.emplace(done);
    for (std::size_t worker = std::min(batch->count, BucketStore::kSideBySide); worker > 0; --worker) {
      line->spawn("a part of a batch", work_off(batch), nats::Work::service);
    }
  });
}

async::Task<void> find_into(Bucket bucket, std::shared_ptr<BucketStore::Many> found, std::string key,
                            std::size_t index) {
  WEFT_CO_TRY(auto entry, co_await bucket->get(std::move(key)));
  if (entry) (*found)[index].emplace(std::move(entry->key), Bytes{std::move(entry->value)});
  co_return Result<void>();
}

async::Task<BucketStore::Many> find_all(std::shared_ptr<nats::Line> line, Bucket bucket,
                                        std::shared_ptr<const std::vector<std::string>> keys) {
  const auto found = std::make_shared<BucketStore::Many>(keys->size());
  WEFT_CO_CHECK(co_await for_each(std::move(line), keys->size(), [bucket, found, keys](std::size_t index) {
    return find_into(bucket, found, (*keys)[index], index);
  }));
  co_return std::move(*found);
}

}  // namespace

template <class T>
void BucketStore::answer(Reply<Outcome<T>> reply, Work<T> work) {
  line_->spawn("a call", run<T>(shared_from_this(), std::move(reply), std::move(work)));
}

template <class T>
async::Task<void> BucketStore::run(std::shared_ptr<BucketStore> self, Reply<Outcome<T>> reply, Work<T> work) {
  if (reply.is_cancelled()) co_return Result<void>();
  auto bucket = co_await self->open();
  if (!bucket) {
    reply.send(Outcome<T>(told(bucket.error())));
    co_return Result<void>();
  }
  auto result = co_await work(*std::move(bucket));
  if (!result) {
    const auto error = co_await self->examine(std::move(result).error());
    reply.send(Outcome<T>(told(error)));
  } else if constexpr (std::is_void_v<T>) {
    reply.send(Outcome<void>());
  } else {
    reply.send(Outcome<T>(*std::move(result)));
  }
  co_return Result<void>();
}

std::unexpected<keyvalue::StoreError> BucketStore::told(const Error& error) { return other(guest_text(error)); }

async::Task<Bucket> BucketStore::open() {
  if (bucket_) co_return bucket_;
  auto& bus = line_->bus();
  WEFT_CO_CHECK(line_->check_connected());
  auto opened = settings_.creates_bucket ? co_await bus.open_bucket(settings_.bucket)
                                         : co_await bus.open_existing_bucket(settings_.bucket);
  if (!opened && opened.error().code() == Errc::not_found) {
    co_return Error(Errc::not_found, opened.error().message(),
                    opened.error().hint() + ", or set enable_bucket_auto_create=true", Blame::operator_);
  }
  if (opened) bucket_ = *opened;
  co_return opened;
}

boost::asio::awaitable<Error> BucketStore::examine(Error error) {
  // A server is silent when a value of a stream is asked for that it does not have.
  const bool may_be_gone =
      error.code() == Errc::unavailable || error.code() == Errc::not_found || error.code() == Errc::deadline_exceeded;
  if (!may_be_gone || line_->bus().state() != bus::BusState::connected) co_return error;
  bucket_.reset();
  auto again = co_await open();
  co_return again ? std::move(error) : std::move(again).error();
}

void BucketStore::close() {
  line_->on_shard([this] { bucket_.reset(); });
}

void BucketStore::get(Reply<Outcome<std::optional<Bytes>>> reply, std::string key) {
  answer<std::optional<Bytes>>(std::move(reply), [key = std::move(key)](Bucket bucket) mutable {
    return get_one(std::move(bucket), std::move(key));
  });
}

void BucketStore::set(Reply<Outcome<void>> reply, std::string key, std::string value) {
  answer<void>(std::move(reply), [key = std::move(key), value = std::move(value)](Bucket bucket) mutable {
    return put_one(std::move(bucket), std::move(key), std::move(value));
  });
}

void BucketStore::erase(Reply<Outcome<void>> reply, std::string key) {
  answer<void>(std::move(reply),
               [key = std::move(key)](Bucket bucket) mutable { return purge_one(std::move(bucket), std::move(key)); });
}

void BucketStore::exists(Reply<Outcome<bool>> reply, std::string key) {
  answer<bool>(std::move(reply),
               [key = std::move(key)](Bucket bucket) mutable { return has_one(std::move(bucket), std::move(key)); });
}

void BucketStore::list_keys(Reply<Outcome<keyvalue::KeyPage>> reply, std::uint64_t skip) {
  answer<keyvalue::KeyPage>(std::move(reply), [skip](Bucket bucket) { return page_of(std::move(bucket), skip); });
}

void BucketStore::get_many(Reply<Outcome<Many>> reply, std::vector<std::string> keys) {
  answer<Many>(std::move(reply),
               [line = line_, keys = std::make_shared<const std::vector<std::string>>(std::move(keys))](Bucket bucket) {
                 return find_all(line, std::move(bucket), keys);
               });
}

void BucketStore::set_many(Reply<Outcome<void>> reply, std::vector<std::tuple<std::string, Bytes>> pairs) {
  const auto shared = std::make_shared<const std::vector<std::tuple<std::string, Bytes>>>(std::move(pairs));
  answer<void>(std::move(reply), [line = line_, shared](Bucket bucket) {
    return for_each(line, shared->size(), [bucket = std::move(bucket), shared](std::size_t index) {
      const auto& [key, value] = (*shared)[index];
      return put_one(bucket, key, value.text);
    });
  });
}

void BucketStore::erase_many(Reply<Outcome<void>> reply, std::vector<std::string> keys) {
  const auto shared = std::make_shared<const std::vector<std::string>>(std::move(keys));
  answer<void>(std::move(reply), [line = line_, shared](Bucket bucket) {
    return for_each(line, shared->size(), [bucket = std::move(bucket), shared](std::size_t index) {
      return purge_one(bucket, (*shared)[index]);
    });
  });
}

// ---- counting ----

void BucketStore::increment(Reply<Outcome<std::uint64_t>> reply, std::string key, std::uint64_t delta) {
  line_->spawn("an increment", count(shared_from_this(), {.reply = std::move(reply), .delta = delta}, std::move(key)));
}

async::Task<void> BucketStore::count(std::shared_ptr<BucketStore> self, Increment first, std::string key) {
  const auto [place, is_first] = self->counting_.try_emplace(key);
  if (!is_first) {
    place->second.push_back(std::move(first));  // whoever counts this key takes it along
    co_return Result<void>();
  }
  Increments taken;
  taken.push_back(std::move(first));
  while (!taken.empty()) {
    auto outcome = co_await self->count_once(key, &taken);
    if (!outcome) {
      const auto error = co_await self->examine(std::move(outcome).error());
      for (auto& increment : taken) increment.reply.send(Outcome<std::uint64_t>(told(error)));
    }
    taken = std::exchange(self->counting_.at(key), {});
  }
  self->counting_.erase(key);
  co_return Result<void>();
}

async::Task<void> BucketStore::count_once(std::string key, Increments* increments) {
  WEFT_CO_TRY(const auto bucket, co_await open());
  auto wait = kFirstWait;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    WEFT_CO_TRY(const auto entry, co_await bucket->get(key));
    std::uint64_t number = 0;
    if (entry && !entry->value.empty()) {
      const auto read = keyvalue::add_to_number(std::as_bytes(std::span(entry->value)), 0);
      if (!read) {
        co_return Error(Errc::type_mismatch, "the value of " + key + " is not a number",
                        "increment counts decimal text; set another value or delete the key", Blame::guest);
      }
      number = *read;
    }
    const auto sum = add_up(*increments, number);
    if (increments->empty()) co_return Result<void>();
    const auto written = entry ? co_await bucket->update(key, std::to_string(sum), entry->revision)
                               : co_await bucket->create(key, std::to_string(sum));
    if (written) {
      for (auto& increment : *increments) {
        number += increment.delta;
        increment.reply.send(Outcome<std::uint64_t>(number));
      }
      co_return Result<void>();
    }
    if (written.error().code() != Errc::conflict) co_return written.error();
    WEFT_CO_CHECK(co_await async::sleep_for(wait));
    wait = std::min(wait * 2, kLongestWait);
  }
  co_return Error(Errc::conflict, "others changed " + key + " each time it was to be incremented", "try again later",
                  Blame::environment);
}

std::uint64_t BucketStore::add_up(Increments& increments, std::uint64_t number) {
  std::erase_if(increments, [&number](Increment& increment) {
    const bool overflows = increment.delta > std::numeric_limits<std::uint64_t>::max() - number;
    if (overflows) {
      increment.reply.send(Outcome<std::uint64_t>(other("the number would overflow")));
    } else {
      number += increment.delta;
    }
    return overflows;
  });
  return number;
}

}  // namespace weft::builtins::keyvalue_nats
