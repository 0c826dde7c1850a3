// SPDX-License-Identifier: Apache-2.0
/// A blob store in NATS's object stores: a container is a bucket, an object one of its objects.
///
/// An object is seen when its last chunk is stored, and not at all if its upload is cut: the chunks are then removed as
/// soon as there is a server to do so. What it takes the place of is seen until then, and whoever still reads that is
/// told that it has gone. Read as a whole, an object's digest is checked. Links are never followed, and are no objects.
///
/// Ownership: as a Store; close() gives the line back. Threads: a Store's; every step waits for the server, for seconds
/// at most. Limits: a container's name as NATS has buckets', an object's kMaxObjectName bytes. A range is read from the
/// object's beginning. Source: NATS ADR-20.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "builtins/blobstore-nats/objects.hpp"
#include "builtins/blobstore-nats/settings.hpp"
#include "builtins/blobstore/store.hpp"

namespace weft::builtins::blobstore_nats {

class ObjectStore final : public blobstore::Store {
 public:
  using GiveBack = std::move_only_function<void(const std::shared_ptr<nats::Line>&)>;
  ObjectStore(std::shared_ptr<nats::Line> line, const Settings& settings, GiveBack give_back)
      : objects_(std::make_shared<Objects>(std::move(line), settings.write_wait)),
        stream_(settings.stream),
        give_back_(std::move(give_back)) {}

  blobstore::Outcome<void> create_container(const std::string& name) override;
  blobstore::Outcome<bool> container_exists(const std::string& name) override;
  blobstore::Outcome<void> delete_container(const std::string& name) override;
  blobstore::Outcome<void> clear_container(const std::string& name) override;
  blobstore::Outcome<blobstore::ContainerMetadata> container_info(const std::string& name) override;
  blobstore::Outcome<std::unique_ptr<blobstore::NameReader>> list(const std::string& container) override;
  blobstore::Outcome<bool> has_object(const blobstore::ObjectId& id) override;
  blobstore::Outcome<blobstore::ObjectMetadata> object_info(const blobstore::ObjectId& id) override;
  blobstore::Outcome<void> delete_object(const blobstore::ObjectId& id) override;
  blobstore::Outcome<void> move_object(const blobstore::ObjectId& from, const blobstore::ObjectId& to) override;
  blobstore::Outcome<std::unique_ptr<blobstore::ObjectReader>> read_object(const blobstore::ObjectId& id,
                                                                           std::uint64_t start,
                                                                           std::uint64_t end) override;
  blobstore::Outcome<std::unique_ptr<blobstore::ObjectWriter>> write_object(const blobstore::ObjectId& id) override;
  void close() override;

 private:
  /// An object that can be read.
  blobstore::Outcome<StoredInfo> find(const ObjectSubjects& subjects, const std::string& name);

  const std::shared_ptr<Objects> objects_;
  const StreamSettings stream_;
  GiveBack give_back_;
};

}  // namespace weft::builtins::blobstore_nats
