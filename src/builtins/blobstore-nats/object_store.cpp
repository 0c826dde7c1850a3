// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-nats/object_store.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "builtins/guest_text.hpp"
#include "wire/sha256.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

using blobstore::ContainerMetadata;
using blobstore::NameReader;
using blobstore::ObjectId;
using blobstore::ObjectMetadata;
using blobstore::ObjectReader;
using blobstore::ObjectWriter;
using blobstore::Outcome;

/// As a guest is told.
std::unexpected<std::string> told(const Error& error) { return std::unexpected(guest_text(error)); }

std::unexpected<std::string> no_object(std::string_view name) {
  return std::unexpected("the object `" + std::string(name) + "` does not exist");
}

Outcome<ObjectSubjects> container_of(const std::string& name) {
  auto subjects = ObjectSubjects::make(name);
  if (subjects) return *std::move(subjects);
  return std::unexpected("`" + name + "` can be no container's name: of letters, digits, '_' and '-', at most 200");
}

Outcome<ObjectSubjects> container_of(const ObjectId& id) {
  if (id.object.empty() || id.object.size() > kMaxObjectName) {
    return std::unexpected("an object's name has 1 to " + std::to_string(kMaxObjectName) + " bytes");
  }
  return container_of(id.container);
}

std::string_view text_of(const wire::Sha256Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

class ChunkReader final : public ObjectReader {
 public:
  ChunkReader(std::shared_ptr<Objects> objects, ObjectSubjects subjects, ObjectInfo info, std::uint64_t start,
              std::uint64_t end)
      : objects_(std::move(objects)),
        subjects_(std::move(subjects)),
        info_(std::move(info)),
        start_(start),
        end_(std::min(end, info_.size)),
        is_whole_(start == 0 && end_ == info_.size) {}

  Outcome<Bytes> read() override {
    while (rest_.empty()) {
      if (at_ >= end_) return finish();
      if (auto taken = take_chunk(); !taken) return std::unexpected(std::move(taken).error());
    }
    const auto size = std::min(rest_.size(), blobstore::kStepBytes);
    const auto piece = std::as_bytes(std::span(rest_)).first(size);
    Bytes bytes(piece.begin(), piece.end());
    rest_.erase(0, size);
    return bytes;
  }

 private:
  /// The next chunk, as far as it is wanted.
  Outcome<void> take_chunk() {
    auto chunk = objects_->wait(objects_->next_chunk(subjects_, info_.nuid, next_));
    if (!chunk) return told(chunk.error());
    if (!*chunk) {
      return std::unexpected("the object `" + info_.name + "` was replaced or deleted while it was read");
    }
    auto& bytes = (*chunk)->bytes;
    if (bytes.size() > info_.size - at_) return damaged();
    next_ = (*chunk)->revision + 1;
    if (is_whole_) hash_.update(bytes);
    const auto first = at_;
    at_ += bytes.size();
    if (at_ > end_) bytes.resize(static_cast<std::size_t>(std::max(end_, first) - first));
    if (start_ > first) bytes.erase(0, static_cast<std::size_t>(std::min<std::uint64_t>(start_ - first, bytes.size())));
    rest_ = std::move(bytes);
    return {};
  }

  Outcome<Bytes> finish() {
    if (!std::exchange(is_whole_, false) || info_.digest.empty()) return Bytes();
    if (!is_digest(info_.digest, text_of(hash_.finish()))) return damaged();
    return Bytes();
  }

  [[nodiscard]] std::unexpected<std::string> damaged() const {
    return std::unexpected("the object `" + info_.name + "` is damaged: its chunks are not what was stored");
  }

  std::shared_ptr<Objects> objects_;
  ObjectSubjects subjects_;
  ObjectInfo info_;
  std::uint64_t start_;
  std::uint64_t end_;
  bool is_whole_;           ///< its digest is to be checked
  std::uint64_t at_ = 0;    ///< in the object: before it all was taken
  std::uint64_t next_ = 1;  ///< in the stream
  std::string rest_;
  wire::Sha256 hash_;
};

class ChunkWriter final : public ObjectWriter {
 public:
  ChunkWriter(std::shared_ptr<Objects> objects, ObjectSubjects subjects, std::string name, Ticket ticket)
      : objects_(std::move(objects)), subjects_(std::move(subjects)), chunk_bytes_(ticket.chunk_bytes) {
    info_.name = std::move(name);
    info_.nuid = std::move(ticket.nuid);
  }
  ~ChunkWriter() override {
    if (!is_stored_ && has_chunks_) objects_->spawn_tidying(subjects_, info_.name, info_.nuid, ended_);
  }
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  Outcome<void> write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), chunk_bytes_ - chunk_.size()));
      chunk_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      bytes = bytes.subspan(piece.size());
      if (chunk_.size() < chunk_bytes_) continue;
      if (auto sent = send(); !sent) return sent;
    }
    return {};
  }

  Outcome<void> commit() override {
    if (!chunk_.empty()) {
      if (auto sent = send(); !sent) return sent;
    }
    info_.digest = digest_text(text_of(hash_.finish()));
    ended_ = Ended::perhaps;
    auto replaced = objects_->wait(objects_->put_info(subjects_, info_, chunk_bytes_));
    if (!replaced) {
      // The server's own word is certain.
      const auto code = replaced.error().code();
      if (code == Errc::conflict || code == Errc::resource_exhausted) ended_ = Ended::for_sure;
      return told(replaced.error());
    }
    is_stored_ = true;
    if (!replaced->empty() && !objects_->wait(objects_->purge(subjects_, *replaced))) {
      objects_->spawn_tidying(subjects_, info_.name, *std::move(replaced), Ended::for_sure);
    }
    return {};
  }

 private:
  Outcome<void> send() {
    hash_.update(chunk_);
    info_.size += chunk_.size();
    ++info_.chunks;
    has_chunks_ = true;
    auto sent = objects_->wait(objects_->put_chunk(subjects_, info_.nuid, std::exchange(chunk_, {})));
    if (!sent) return told(sent.error());
    return {};
  }

  std::shared_ptr<Objects> objects_;
  ObjectSubjects subjects_;
  ObjectInfo info_;
  std::size_t chunk_bytes_;
  std::string chunk_;
  wire::Sha256 hash_;
  bool has_chunks_ = false;
  bool is_stored_ = false;
  Ended ended_ = Ended::for_sure;
};

/// In the order in which they were stored. An object that is replaced meanwhile may come twice.
class ObjectNames final : public NameReader {
 public:
  ObjectNames(std::shared_ptr<Objects> objects, ObjectSubjects subjects)
      : objects_(std::move(objects)), subjects_(std::move(subjects)) {}

  Outcome<std::vector<std::string>> read() override {
    if (next_ == 0) return std::vector<std::string>();
    auto found = objects_->wait(objects_->list(subjects_, next_, blobstore::kStepNames));
    if (!found) return told(found.error());
    next_ = found->next;
    return std::move(found->names);
  }

 private:
  std::shared_ptr<Objects> objects_;
  ObjectSubjects subjects_;
  std::uint64_t next_ = 1;
};

}  // namespace

Outcome<void> ObjectStore::create_container(const std::string& name) {
  const auto subjects = container_of(name);
  if (!subjects) return std::unexpected(subjects.error());
  const auto done = objects_->wait(objects_->create_bucket(*subjects, stream_));
  if (!done) return told(done.error());
  return {};
}

Outcome<bool> ObjectStore::container_exists(const std::string& name) {
  const auto subjects = container_of(name);
  if (!subjects) return std::unexpected(subjects.error());
  const auto info = objects_->wait(objects_->bucket(*subjects));
  if (!info && info.error().code() != Errc::not_found) return told(info.error());
  return info.has_value();
}

Outcome<void> ObjectStore::delete_container(const std::string& name) {
  const auto subjects = container_of(name);
  if (!subjects) return std::unexpected(subjects.error());
  const auto done = objects_->wait(objects_->delete_bucket(*subjects));
  if (!done) return told(done.error());
  return {};
}

Outcome<void> ObjectStore::clear_container(const std::string& name) {
  auto names = list(name);
  if (!names) return std::unexpected(std::move(names).error());
  while (true) {
    const auto some = (*names)->read();
    if (!some) return std::unexpected(some.error());
    if (some->empty()) return {};
    for (const auto& object : *some) {
      if (auto done = delete_object({.container = name, .object = object}); !done) return done;
    }
  }
}

Outcome<ContainerMetadata> ObjectStore::container_info(const std::string& name) {
  const auto subjects = container_of(name);
  if (!subjects) return std::unexpected(subjects.error());
  const auto info = objects_->wait(objects_->bucket(*subjects));
  if (!info) return told(info.error());
  return ContainerMetadata{.created_at = unix_seconds(info->created)};
}

Outcome<std::unique_ptr<NameReader>> ObjectStore::list(const std::string& container) {
  auto subjects = container_of(container);
  if (!subjects) return std::unexpected(std::move(subjects).error());
  const auto info = objects_->wait(objects_->bucket(*subjects));
  if (!info) return told(info.error());
  return std::make_unique<ObjectNames>(objects_, *std::move(subjects));
}

Outcome<StoredInfo> ObjectStore::find(const ObjectSubjects& subjects, const std::string& name) {
  auto stored = objects_->wait(objects_->find(subjects, name));
  if (!stored) return told(stored.error());
  if (!*stored || (*stored)->info.is_deleted) return no_object(name);
  if (!(*stored)->info.link.empty()) {
    return std::unexpected("`" + name + "` is a link to `" + (*stored)->info.link + "`, and links are not followed");
  }
  return **std::move(stored);
}

Outcome<bool> ObjectStore::has_object(const ObjectId& id) {
  const auto subjects = container_of(id);
  if (!subjects) return std::unexpected(subjects.error());
  const auto stored = objects_->wait(objects_->find(*subjects, id.object));
  if (!stored) return told(stored.error());
  return *stored && !(*stored)->info.is_deleted && (*stored)->info.link.empty();
}

Outcome<ObjectMetadata> ObjectStore::object_info(const ObjectId& id) {
  const auto subjects = container_of(id);
  if (!subjects) return std::unexpected(subjects.error());
  const auto stored = find(*subjects, id.object);
  if (!stored) return std::unexpected(stored.error());
  return ObjectMetadata{.created_at = stored->created_at, .size = stored->info.size};
}

Outcome<void> ObjectStore::delete_object(const ObjectId& id) {
  const auto subjects = container_of(id);
  if (!subjects) return std::unexpected(subjects.error());
  const auto done = objects_->wait(objects_->erase(*subjects, id.object));
  if (!done) return told(done.error());
  return {};
}

Outcome<void> ObjectStore::move_object(const ObjectId& from, const ObjectId& to) {
  if (from.container == to.container && from.object == to.object) {
    const auto info = object_info(from);
    return info ? Outcome<void>() : std::unexpected(info.error());
  }
  if (auto copied = copy_object(from, to); !copied) return copied;
  return delete_object(from);
}

Outcome<std::unique_ptr<ObjectReader>> ObjectStore::read_object(const ObjectId& id, std::uint64_t start,
                                                                std::uint64_t end) {
  auto subjects = container_of(id);
  if (!subjects) return std::unexpected(std::move(subjects).error());
  auto stored = find(*subjects, id.object);
  if (!stored) return std::unexpected(std::move(stored).error());
  return std::make_unique<ChunkReader>(objects_, *std::move(subjects), std::move(stored->info), start, end);
}

Outcome<std::unique_ptr<ObjectWriter>> ObjectStore::write_object(const ObjectId& id) {
  auto subjects = container_of(id);
  if (!subjects) return std::unexpected(std::move(subjects).error());
  auto ticket = objects_->wait(objects_->begin(*subjects));
  if (!ticket) return told(ticket.error());
  return std::make_unique<ChunkWriter>(objects_, *std::move(subjects), id.object, *std::move(ticket));
}

void ObjectStore::close() {
  if (give_back_) std::exchange(give_back_, {})(objects_->line());
}

}  // namespace weft::builtins::blobstore_nats
