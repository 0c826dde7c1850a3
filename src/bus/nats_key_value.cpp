// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_key_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "bus/nats_watch.hpp"

namespace weft::bus {
namespace {

Entry to_entry(const BucketSubjects& subjects, std::string_view subject, Message message, std::uint64_t revision) {
  Entry entry;
  entry.key = subjects.key_of(subject);
  entry.revision = revision;
  entry.operation = operation_of(message);
  if (entry.operation == Operation::put) {
    entry.value = std::move(message.payload);
  }
  return entry;
}

// What one consumer delivers, until it has delivered all there was. Filled by nats.c's thread.
class Collector {
 public:
  Collector(BucketSubjects subjects, async::Completion<void> done)
      : subjects_(std::move(subjects)), done_(std::move(done)) {}

  void take(Message message) {
    const auto position = parse_position(message.reply);
    if (!position) {
      return;
    }
    const std::lock_guard lock(mutex_);
    const std::string subject = message.subject;
    entries_.push_back(to_entry(subjects_, subject, std::move(message), position->revision));
    tell_if_complete(position->pending == 0);
  }
  void expect(std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    expected_ = count;
    tell_if_complete(false);
  }
  void fail(Error error) const { done_.complete(std::move(error)); }
  std::vector<Entry> take_entries() {
    const std::lock_guard lock(mutex_);
    return std::move(entries_);
  }

 private:
  void tell_if_complete(bool is_last) const {
    if (is_last || (expected_ && entries_.size() >= *expected_)) {
      done_.complete({});
    }
  }

  const BucketSubjects subjects_;
  const async::Completion<void> done_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::optional<std::uint64_t> expected_;
};

}  // namespace

Error jetstream_error(Error error, const NatsConnection& connection) {
  if (!is_no_responders(error)) {
    return error;
  }
  const auto& domain = connection.options().jetstream_domain;
  return {Errc::unavailable,
          domain.empty() ? fmt::format("JetStream does not answer at {}", connection.url())
                         : fmt::format("no JetStream of domain `{}` answers at {}", domain, connection.url()),
          domain.empty() ? "start nats-server with -js" : "check the domain's name and that its server runs with -js",
          Blame::operator_};
}

Error no_bucket(const std::string& bucket) {
  return {Errc::not_found, fmt::format("the bucket {} does not exist", bucket),
          fmt::format("create it: nats kv add {}", bucket), Blame::operator_};
}

async::Task<std::shared_ptr<KeyValue>> NatsKeyValue::open(std::shared_ptr<NatsConnection> connection, std::string name,
                                                          IfMissing if_missing) {
  WEFT_CO_CHECK(check_bucket(name));
  BucketSubjects subjects(std::move(name), connection->options().jetstream_domain);
  const std::shared_ptr<NatsKeyValue> bucket(new NatsKeyValue(std::move(connection), std::move(subjects), if_missing));
  auto info = co_await bucket->ensure();
  if (!info) {
    co_return std::move(info).error().in(fmt::format("opening the bucket {}", bucket->name()));
  }
  bucket->allows_direct_ = (*info).allows_direct;
  co_return std::shared_ptr<KeyValue>(bucket);
}

async::Task<Message> NatsKeyValue::call(std::string subject, std::string body) {
  Message request;
  request.subject = std::move(subject);
  request.payload = std::move(body);
  auto answer = co_await connection_->request(std::move(request), connection_->options().jetstream_timeout);
  if (!answer) {
    co_return jetstream_error(std::move(answer).error(), *connection_);
  }
  co_return answer;
}

async::Task<StreamInfo> NatsKeyValue::ensure() {
  WEFT_CO_TRY(const auto found, co_await call(subjects_.api("STREAM.INFO"), {}));
  auto info = decode_stream(found.payload);
  if (info || info.error().code() != Errc::not_found) {
    co_return info;
  }
  if (if_missing_ == IfMissing::fail) {
    co_return no_bucket(subjects_.bucket());
  }
  WEFT_CO_TRY(const auto created, co_await call(subjects_.api("STREAM.CREATE"), encode_stream(subjects_)));
  info = decode_stream(created.payload);
  if (info || info.error().code() != Errc::already_exists) {
    co_return info;
  }
  // Somebody else was quicker, with another configuration.
  WEFT_CO_TRY(const auto again, co_await call(subjects_.api("STREAM.INFO"), {}));
  co_return decode_stream(again.payload);
}

async::Task<std::uint64_t> NatsKeyValue::write(std::string key, std::string value, std::vector<MessageHeader> headers) {
  WEFT_CO_CHECK(check_key(key));
  Message message;
  message.subject = subjects_.written(key);
  message.headers = std::move(headers);
  message.payload = std::move(value);
  const auto timeout = connection_->options().jetstream_timeout;
  auto answer = co_await connection_->request(message, timeout);
  if (!answer && is_no_responders(answer.error())) {
    // The stream is gone (a server that lost its data), or there never was a JetStream.
    WEFT_CO_CHECK(co_await ensure());
    answer = co_await connection_->request(std::move(message), timeout);
  }
  if (!answer) {
    co_return jetstream_error(std::move(answer).error(), *connection_).in("writing " + subjects_.bucket() + "/" + key);
  }
  auto revision = decode_write((*answer).payload);
  if (!revision) {
    co_return std::move(revision).error().in("writing " + subjects_.bucket() + "/" + key);
  }
  co_return revision;
}

async::Task<std::optional<Entry>> NatsKeyValue::newest(std::string key) {
  WEFT_CO_CHECK(check_key(key));
  if (!allows_direct_) {
    WEFT_CO_TRY(auto found, co_await collect(subjects_.stored(key), Wanted::all));
    co_return found.empty() ? std::nullopt : std::optional(std::move(found.back()));
  }
  const auto subject = subjects_.stored(key);
  auto answer = co_await call(subjects_.api("DIRECT.GET") + '.' + subject, {});
  if (!answer) {
    co_return std::move(answer).error();
  }
  if ((*answer).header("Status") == "404") {
    co_return std::optional<Entry>();
  }
  const auto revision = parse_number((*answer).header("Nats-Sequence"));
  if (!revision) {
    co_return Error(Errc::malformed, fmt::format("the answer for {} has no revision", key), {}, Blame::peer);
  }
  co_return std::optional(to_entry(subjects_, subject, *std::move(answer), *revision));
}

async::Task<std::vector<Entry>> NatsKeyValue::collect(std::string filter, Wanted wanted) {
  const auto timeout = connection_->options().jetstream_timeout;
  WEFT_CO_TRY(const auto inbox, connection_->new_inbox());
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, timeout);
  std::shared_ptr<Collector> collector;
  std::shared_ptr<NatsDelivery> delivery;
  std::uint64_t request = 0;
  const auto begin = [&](const async::Completion<void>& done) {
    collector = std::make_shared<Collector>(subjects_, done);
    timer.async_wait([done, timeout](const boost::system::error_code& fault) {
      if (!fault) {
        done.complete(
            Error(Errc::deadline_exceeded, fmt::format("JetStream did not deliver all within {} ms", timeout.count())));
      }
    });
    auto opened = connection_->receive(inbox, [collector](natsMsg* message) { collector->take(to_message(message)); });
    if (!opened) {
      return collector->fail(std::move(opened).error());
    }
    delivery = *std::move(opened);
    Message message;
    message.subject = subjects_.api("CONSUMER.CREATE");
    message.payload = encode_consumer(
        subjects_, {.deliver_to = inbox, .filter = filter, .first_revision = 0, .heartbeat = {}, .wanted = wanted});
    request = connection_->send_request(
        std::move(message), NatsRequests::Done([collector, connection = connection_](Result<Message> answer) {
          if (!answer) {
            return collector->fail(jetstream_error(std::move(answer).error(), *connection));
          }
          auto consumer = decode_consumer((*answer).payload);
          consumer ? collector->expect((*consumer).pending) : collector->fail(std::move(consumer).error());
        }));
  };
  const auto outcome = co_await async::wait_for_completion<void>(begin);
  connection_->forget_request(request);
  if (delivery) {
    delivery->end();  // and the server forgets the consumer
  }
  if (!outcome) {
    co_return outcome.error();
  }
  co_return collector->take_entries();
}

async::Task<std::optional<Entry>> NatsKeyValue::get(std::string key) {
  WEFT_CO_TRY(auto entry, co_await newest(std::move(key)));
  if (entry && entry->operation != Operation::put) {
    entry.reset();
  }
  co_return entry;
}

async::Task<std::vector<Entry>> NatsKeyValue::list() { return present(Wanted::all); }

async::Task<std::vector<std::string>> NatsKeyValue::keys() {
  WEFT_CO_TRY(auto entries, co_await present(Wanted::headers));
  std::vector<std::string> keys;
  keys.reserve(entries.size());
  for (auto& entry : entries) {
    keys.push_back(std::move(entry.key));
  }
  co_return keys;
}

async::Task<std::vector<Entry>> NatsKeyValue::present(Wanted wanted) {
  WEFT_CO_TRY(auto entries, co_await collect(subjects_.stored(">"), wanted));
  // A key that was written meanwhile has come twice: the newest counts.
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tie(a.key, b.revision) < std::tie(b.key, a.revision);
  });
  const auto [first, last] = std::ranges::unique(entries, {}, &Entry::key);
  entries.erase(first, last);
  std::erase_if(entries, [](const Entry& entry) { return entry.operation != Operation::put; });
  co_return entries;
}

async::Task<std::uint64_t> NatsKeyValue::put(std::string key, std::string value) {
  return write(std::move(key), std::move(value), {});
}

async::Task<std::uint64_t> NatsKeyValue::create(std::string key, std::string value) {
  auto revision = co_await update(key, value, 0);
  if (revision || revision.error().code() != Errc::conflict) {
    co_return revision;
  }
  WEFT_CO_TRY(const auto there, co_await newest(key));
  if (!there || there->operation == Operation::put) {
    co_return revision;
  }
  co_return co_await update(std::move(key), std::move(value), there->revision);
}

async::Task<std::uint64_t> NatsKeyValue::update(std::string key, std::string value, std::uint64_t expected) {
  return write(std::move(key), std::move(value),
               {{.name = std::string(kExpectedRevision), .value = std::to_string(expected)}});
}

async::Task<void> NatsKeyValue::erase(std::string key) {
  WEFT_CO_CHECK(co_await write(std::move(key), {}, {{.name = "KV-Operation", .value = "DEL"}}));
  co_return Result<void>();
}

async::Task<void> NatsKeyValue::purge(std::string key) {
  WEFT_CO_CHECK(co_await write(std::move(key), {},
                               {{.name = "KV-Operation", .value = "PURGE"}, {.name = "Nats-Rollup", .value = "sub"}}));
  co_return Result<void>();
}

Result<std::unique_ptr<Subscription>> NatsKeyValue::watch(async::Shard& shard, BucketWatcher& watcher) {
  return start_watch(connection_, subjects_, if_missing_, shard, watcher);
}

}  // namespace weft::bus
