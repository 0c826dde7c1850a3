// SPDX-License-Identifier: Apache-2.0
/// NATS's object stores over a line, step by step: a message of the JetStream API for each. What a guest is told is
/// made of this by ObjectStore.
///
/// Chunks are asked for one by one, by the number that follows the last one's in the stream, and not pushed by a
/// consumer: whoever reads slowly asks seldom, nothing piles up in between, and a chunk that has gone is noticed at
/// once.
///
/// Ownership: shared by a store and the tasks under way. Threads: the Tasks run on the line; wait() and spawn_tidying()
/// may be called from any other, and wait() blocks until the task has ended, at most as long as its answers may take.
/// Errors: unavailable, deadline_exceeded, not_found (no such bucket), conflict, resource_exhausted, malformed.
/// Source: NATS ADR-20, ADR-31 (direct gets).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.hpp"
#include "builtins/blobstore-nats/object_info.hpp"
#include "builtins/nats/lines.hpp"
#include "bus/jetstream_codec.hpp"

namespace weft::builtins::blobstore_nats {

/// An object's information as it is stored.
struct StoredInfo {
  ObjectInfo info;
  std::uint64_t revision = 0;    ///< of the message that holds it
  std::uint64_t created_at = 0;  ///< seconds of Unix time
};
struct Chunk {
  std::string bytes;
  std::uint64_t revision = 0;
};
struct Names {
  std::vector<std::string> names;
  std::uint64_t next = 0;  ///< where to go on; 0: there are no more
};
/// Of an upload that begins.
struct Ticket {
  std::string nuid;
  std::size_t chunk_bytes = kChunkBytes;
};

/// Whether it is known that an upload's information was not stored.
enum class Ended : std::uint8_t { for_sure, perhaps };

class Objects : public std::enable_shared_from_this<Objects> {
 public:
  /// `write_wait`: how long the server may take to store a message.
  Objects(std::shared_ptr<nats::Line> line, std::chrono::seconds write_wait)
      : line_(std::move(line)), write_wait_(write_wait) {}

  [[nodiscard]] const std::shared_ptr<nats::Line>& line() const noexcept { return line_; }

  async::Task<bus::StreamInfo> bucket(ObjectSubjects subjects);
  async::Task<void> create_bucket(ObjectSubjects subjects, StreamSettings settings);
  async::Task<void> delete_bucket(ObjectSubjects subjects);
  /// Nothing: never stored. It may be deleted, or a link.
  async::Task<std::optional<StoredInfo>> find(ObjectSubjects subjects, std::string name);
  /// Of objects that are there, at most `most`, from a place of the stream on.
  async::Task<Names> list(ObjectSubjects subjects, std::uint64_t from, std::size_t most);
  /// The next chunk from a place of the stream on; nothing: there is none.
  async::Task<std::optional<Chunk>> next_chunk(ObjectSubjects subjects, std::string nuid, std::uint64_t from);
  async::Task<Ticket> begin(ObjectSubjects subjects);
  async::Task<void> put_chunk(ObjectSubjects subjects, std::string nuid, std::string bytes);
  /// Stores it in the place of what is there, and gives the nuid of that, whose chunks are nobody's from then on.
  async::Task<std::string> put_info(ObjectSubjects subjects, ObjectInfo info, std::size_t chunk_bytes);
  /// False: there is no such object.
  async::Task<bool> erase(ObjectSubjects subjects, std::string name);
  async::Task<void> purge(ObjectSubjects subjects, std::string nuid);

  template <class T>
  Result<T> wait(async::Task<T> task);
  /// Removes the chunks of an object that was given up, as soon as there is a server; not if it proves to be stored,
  /// for which one whose end is not known has a little time.
  void spawn_tidying(ObjectSubjects subjects, std::string name, std::string nuid, Ended ended);

 private:
  template <class T>
  class Told;
  template <class T>
  static async::Task<void> run(std::shared_ptr<Objects> self, async::Task<T> task, std::shared_ptr<Told<T>> told);
  static async::Task<void> tidy(std::shared_ptr<Objects> self, ObjectSubjects subjects, std::string name,
                                std::string nuid, Ended ended);

  /// Of the JetStream API, about the bucket's stream.
  async::Task<bus::Message> ask(ObjectSubjects subjects, std::string verb, std::string body);
  /// A stored message, or nothing.
  async::Task<std::optional<bus::Message>> get(ObjectSubjects subjects, std::string body);
  async::Task<std::uint64_t> store(bus::Message message);
  async::Task<void> try_to_tidy(ObjectSubjects subjects, std::string name, std::string nuid);

  const std::shared_ptr<nats::Line> line_;
  const std::chrono::seconds write_wait_;
};

/// Tells in any case: also when its task is dropped unrun.
template <class T>
class Objects::Told {
 public:
  Told() = default;
  ~Told() {
    if (!is_told_) promise_.set_value(Error(Errc::unavailable, "the link to the store has gone"));
  }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  void tell(Result<T> outcome) {
    is_told_ = true;
    promise_.set_value(std::move(outcome));
  }
  std::future<Result<T>> future() { return promise_.get_future(); }

 private:
  std::promise<Result<T>> promise_;
  bool is_told_ = false;
};

template <class T>
async::Task<void> Objects::run(std::shared_ptr<Objects> self, async::Task<T> task, std::shared_ptr<Told<T>> told) {
  if (auto connected = self->line_->check_connected(); !connected) {
    told->tell(std::move(connected).error());
  } else {
    told->tell(co_await std::move(task));
  }
  co_return Result<void>();
}

template <class T>
Result<T> Objects::wait(async::Task<T> task) {
  auto told = std::make_shared<Told<T>>();
  auto future = told->future();
  line_->spawn("a step of an object store", run<T>(shared_from_this(), std::move(task), std::move(told)));
  return future.get();
}

}  // namespace weft::builtins::blobstore_nats
