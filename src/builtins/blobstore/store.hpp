// SPDX-License-Identifier: Apache-2.0
/// What a place to keep objects in must be able to do for the blobstore providers: everything that wrpc:blobstore asks
/// for, in steps that block. Blobstore (blobstore.hpp) makes a provider of it.
///
/// Ownership: shared by the provider and the calls that use it, which may outlive its link. Threads: a Store any,
/// several at a time; a reader or writer one at a time. Errors are sentences for a guest: they name what it has named,
/// and nothing of where it is kept. Source: data-plane facts 3.11.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>
#include <weft/stream.hpp>

namespace weft::builtins::blobstore {

template <class T>
using Outcome = std::expected<T, std::string>;

struct ObjectId {
  std::string container;
  std::string object;
  static constexpr auto fields = std::tuple{&ObjectId::container, &ObjectId::object};
};
struct ContainerMetadata {
  std::uint64_t created_at = 0;  ///< seconds of Unix time
  static constexpr auto fields = std::tuple{&ContainerMetadata::created_at};
};
struct ObjectMetadata {
  std::uint64_t created_at = 0;  ///< seconds of Unix time
  std::uint64_t size = 0;        ///< bytes
  static constexpr auto fields = std::tuple{&ObjectMetadata::created_at, &ObjectMetadata::size};
};

/// How much of an object is moved in one step.
inline constexpr std::size_t kStepBytes = 128UL << 10;
/// How many names are listed in one step.
inline constexpr std::size_t kStepNames = 128;

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  /// Some bytes, at most kStepBytes; none at the end.
  virtual Outcome<Bytes> read() = 0;
};

/// An object that is being written: nobody sees it before commit(), and it was never there if it is destroyed before.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Outcome<void> write(std::span<const std::byte> bytes) = 0;
  virtual Outcome<void> commit() = 0;
};

class NameReader {
 public:
  virtual ~NameReader() = default;
  /// Some names, at most kStepNames; none at the end.
  virtual Outcome<std::vector<std::string>> read() = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  /// One that is there stays as it is.
  virtual Outcome<void> create_container(const std::string& name) = 0;
  virtual Outcome<bool> container_exists(const std::string& name) = 0;
  virtual Outcome<void> delete_container(const std::string& name) = 0;
  virtual Outcome<void> clear_container(const std::string& name) = 0;
  virtual Outcome<ContainerMetadata> container_info(const std::string& name) = 0;
  virtual Outcome<std::unique_ptr<NameReader>> list(const std::string& container) = 0;

  virtual Outcome<bool> has_object(const ObjectId& id) = 0;
  virtual Outcome<ObjectMetadata> object_info(const ObjectId& id) = 0;
  /// One that is not there is deleted already.
  virtual Outcome<void> delete_object(const ObjectId& id) = 0;
  /// Through this process, unless the store knows better.
  virtual Outcome<void> copy_object(const ObjectId& from, const ObjectId& to);
  virtual Outcome<void> move_object(const ObjectId& from, const ObjectId& to) = 0;
  /// The bytes from `start` up to but not including `end` (live-host facts A4), as far as there are so many.
  virtual Outcome<std::unique_ptr<ObjectReader>> read_object(const ObjectId& id, std::uint64_t start,
                                                             std::uint64_t end) = 0;
  virtual Outcome<std::unique_ptr<ObjectWriter>> write_object(const ObjectId& id) = 0;

  /// Its link has gone: once, on a thread that may block, while calls under way may still use it.
  virtual void close() {}
};

}  // namespace weft::builtins::blobstore
