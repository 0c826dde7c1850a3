// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-nats/objects.hpp"

#include <algorithm>
#include <string_view>

#include "async/deadline.hpp"
#include "bus/bus.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

/// For what the server only looks up.
constexpr std::chrono::milliseconds kAnswerTime{5'000};
/// Of a compare-and-swap.
constexpr int kAttempts = 20;
/// In which a message that the server has may come to be stored.
constexpr std::chrono::milliseconds kSettling{2'000};
constexpr std::chrono::milliseconds kFirstWait{500};
constexpr std::chrono::milliseconds kLongestWait{30'000};

Error no_bucket(const ObjectSubjects& subjects) {
  return {Errc::not_found, "the container `" + subjects.bucket() + "` does not exist"};
}

/// As the operator can mend it.
Error explain(Error error, const ObjectSubjects& subjects) {
  return error.code() == Errc::not_found ? no_bucket(subjects) : std::move(error);
}

/// Where a stored message stands in its stream.
Result<std::uint64_t> revision_of(const bus::Message& message) {
  const auto revision = bus::parse_number(message.header("Nats-Sequence"));
  if (!revision) return Error(Errc::malformed, "the server's answer does not say where it is from", {}, Blame::peer);
  return *revision;
}

Result<StoredInfo> decode(const bus::Message& message) {
  StoredInfo stored;
  WEFT_TRY(stored.info, decode_object_info(message.payload));
  WEFT_TRY(stored.revision, revision_of(message));
  stored.created_at = unix_seconds(message.header("Nats-Time-Stamp"));
  return stored;
}

}  // namespace

async::Task<bus::Message> Objects::ask(ObjectSubjects subjects, std::string verb, std::string body) {
  bus::Message request;
  request.subject = bus::jetstream_api(line_->access().jetstream_domain) + verb + "." + subjects.stream();
  request.payload = std::move(body);
  co_return co_await line_->bus().request(std::move(request), kAnswerTime);
}

async::Task<bus::StreamInfo> Objects::bucket(ObjectSubjects subjects) {
  WEFT_CO_TRY(const auto answer, co_await ask(subjects, "STREAM.INFO", {}));
  auto info = bus::decode_stream(answer.payload);
  if (!info) co_return explain(std::move(info).error(), subjects);
  if (!info->allows_direct) {
    co_return Error(Errc::unsupported, "the container `" + subjects.bucket() + "` does not allow direct gets",
                    "allow them: nats stream edit " + subjects.stream() + " --allow-direct", Blame::operator_);
  }
  co_return info;
}

async::Task<void> Objects::create_bucket(ObjectSubjects subjects, StreamSettings settings) {
  WEFT_CO_TRY(const auto answer, co_await ask(subjects, "STREAM.CREATE", subjects.encode_stream(settings)));
  const auto info = bus::decode_stream(answer.payload);
  // One with other settings stays as it is.
  if (!info && info.error().code() == Errc::already_exists) co_return Result<void>();
  if (!info) co_return info.error();
  if (settings.is_compressed && !info->is_compressed) {
    WEFT_CO_CHECK(co_await delete_bucket(subjects));
    co_return Error(Errc::unsupported, "the NATS server does not compress what it stores",
                    "set compression=false, or use nats-server 2.10 or later", Blame::operator_);
  }
  co_return Result<void>();
}

async::Task<void> Objects::delete_bucket(ObjectSubjects subjects) {
  WEFT_CO_TRY(const auto answer, co_await ask(subjects, "STREAM.DELETE", {}));
  auto done = bus::decode_done(answer.payload);
  if (!done) co_return explain(std::move(done).error(), subjects);
  co_return Result<void>();
}

async::Task<std::optional<bus::Message>> Objects::get(ObjectSubjects subjects, std::string body) {
  auto answer = co_await ask(subjects, "DIRECT.GET", std::move(body));
  if (!answer) {
    if (answer.error().code() != Errc::unavailable || !line_->check_connected()) co_return answer.error();
    // Nobody answers for a stream that is not there, or that allows no direct gets.
    WEFT_CO_CHECK(co_await bucket(std::move(subjects)));
    co_return answer.error();
  }
  const auto status = answer->header(bus::kStatusHeader);
  if (status == "404") co_return std::optional<bus::Message>();
  if (!status.empty()) {
    co_return Error(Errc::unavailable, "JetStream says: " + std::string(answer->header("Description")), {},
                    Blame::environment);
  }
  co_return std::optional(*std::move(answer));
}

async::Task<std::optional<StoredInfo>> Objects::find(ObjectSubjects subjects, std::string name) {
  WEFT_CO_TRY(const auto message, co_await get(subjects, encode_last(subjects.info(name))));
  if (!message) co_return std::optional<StoredInfo>();
  auto stored = decode(*message);
  if (!stored) co_return std::move(stored).error().in("looking up `" + name + "`");
  co_return std::optional(*std::move(stored));
}

async::Task<Names> Objects::list(ObjectSubjects subjects, std::uint64_t from, std::size_t most) {
  Names found{.names = {}, .next = from};
  while (found.names.size() < most) {
    WEFT_CO_TRY(const auto message, co_await get(subjects, encode_next(subjects.all_infos(), found.next)));
    if (!message) {
      found.next = 0;
      break;
    }
    WEFT_CO_TRY(const auto revision, revision_of(*message));
    found.next = revision + 1;
    // What does not decode was not put there as an object.
    const auto info = decode_object_info(message->payload);
    auto name = subjects.name_of(message->header("Nats-Subject"));
    if (info && name && !info->is_deleted && info->link.empty()) found.names.push_back(*std::move(name));
  }
  co_return found;
}

async::Task<std::optional<Chunk>> Objects::next_chunk(ObjectSubjects subjects, std::string nuid, std::uint64_t from) {
  WEFT_CO_TRY(auto message, co_await get(subjects, encode_next(subjects.chunks(nuid), from)));
  if (!message) co_return std::optional<Chunk>();
  Chunk chunk;
  WEFT_CO_TRY(chunk.revision, revision_of(*message));
  chunk.bytes = std::move(message->payload);
  co_return std::optional(std::move(chunk));
}

async::Task<Ticket> Objects::begin(ObjectSubjects subjects) {
  WEFT_CO_CHECK(co_await bucket(std::move(subjects)));
  Ticket ticket;
  // What nobody else has: the end of an inbox.
  const auto inbox = line_->bus().new_inbox();
  ticket.nuid = inbox.substr(inbox.rfind('.') + 1);
  ticket.chunk_bytes = std::clamp<std::size_t>(line_->bus().info().max_payload, 1, kChunkBytes);
  co_return ticket;
}

async::Task<std::uint64_t> Objects::store(bus::Message message) {
  WEFT_CO_TRY(const auto answer, co_await line_->bus().request(std::move(message), write_wait_));
  co_return bus::decode_write(answer.payload);
}

async::Task<void> Objects::put_chunk(ObjectSubjects subjects, std::string nuid, std::string bytes) {
  bus::Message message;
  message.subject = subjects.chunks(nuid);
  message.payload = std::move(bytes);
  WEFT_CO_CHECK(co_await store(std::move(message)));
  co_return Result<void>();
}

async::Task<std::string> Objects::put_info(ObjectSubjects subjects, ObjectInfo info, std::size_t chunk_bytes) {
  for (int attempt = 1;; ++attempt) {
    WEFT_CO_TRY(const auto before, co_await find(subjects, info.name));
    bus::Message message;
    message.subject = subjects.info(info.name);
    message.headers = {
        {.name = "Nats-Rollup", .value = "sub"},
        {.name = std::string(bus::kExpectedRevision), .value = std::to_string(before ? before->revision : 0)}};
    message.payload = encode_object_info(info, subjects.bucket(), chunk_bytes);
    const auto stored = co_await store(std::move(message));
    if (stored) co_return before && !before->info.is_deleted ? before->info.nuid : std::string();
    // Somebody else was quicker, and what is replaced is another now.
    if (stored.error().code() != Errc::conflict || attempt == kAttempts) co_return stored.error();
  }
}

async::Task<bool> Objects::erase(ObjectSubjects subjects, std::string name) {
  WEFT_CO_TRY(const auto before, co_await find(subjects, name));
  if (!before || before->info.is_deleted) co_return false;
  ObjectInfo marker{.name = std::move(name), .nuid = before->info.nuid, .is_deleted = true};
  WEFT_CO_TRY(const auto replaced, co_await put_info(subjects, marker, kChunkBytes));
  if (!replaced.empty() && !co_await purge(subjects, replaced)) {
    spawn_tidying(subjects, marker.name, replaced, Ended::for_sure);
  }
  co_return true;
}

async::Task<void> Objects::purge(ObjectSubjects subjects, std::string nuid) {
  WEFT_CO_TRY(const auto answer, co_await ask(subjects, "STREAM.PURGE", encode_purge(subjects.chunks(nuid))));
  auto done = bus::decode_done(answer.payload);
  if (!done) co_return explain(std::move(done).error(), subjects);
  co_return Result<void>();
}

void Objects::spawn_tidying(ObjectSubjects subjects, std::string name, std::string nuid, Ended ended) {
  line_->spawn("removing the chunks of an object that was given up",
               tidy(shared_from_this(), std::move(subjects), std::move(name), std::move(nuid), ended),
               nats::Work::service);
}

async::Task<void> Objects::tidy(std::shared_ptr<Objects> self, ObjectSubjects subjects, std::string name,
                                std::string nuid, Ended ended) {
  if (ended == Ended::perhaps) WEFT_CO_CHECK(co_await async::sleep_for(kSettling));
  for (auto wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    const auto done = self->line_->check_connected() ? co_await self->try_to_tidy(subjects, name, nuid)
                                                     : Result<void>(Error(Errc::unavailable, "no connection"));
    if (done || done.error().code() == Errc::not_found || done.error().code() == Errc::cancelled) {
      co_return Result<void>();
    }
    WEFT_CO_CHECK(co_await async::sleep_for(wait));
  }
}

async::Task<void> Objects::try_to_tidy(ObjectSubjects subjects, std::string name, std::string nuid) {
  // Whose acknowledgement was lost is stored all the same.
  WEFT_CO_TRY(const auto there, co_await find(subjects, name));
  if (there && !there->info.is_deleted && there->info.nuid == nuid) co_return Result<void>();
  co_return co_await purge(std::move(subjects), std::move(nuid));
}

}  // namespace weft::builtins::blobstore_nats
