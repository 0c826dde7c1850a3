// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-fs/folder_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "builtins/blobstore-fs/beneath.hpp"

namespace weft::builtins::blobstore_fs {
namespace {

using blobstore::ContainerMetadata;
using blobstore::NameReader;
using blobstore::ObjectId;
using blobstore::ObjectMetadata;
using blobstore::ObjectReader;
using blobstore::ObjectWriter;
using blobstore::Outcome;

constexpr mode_t kFileMode = 0600;

template <class T>
std::unexpected<std::string> pass(Outcome<T>& outcome) {
  return std::unexpected(std::move(outcome).error());
}

Outcome<Place> place_of(int root, const ObjectId& id, Missing missing) {
  auto container = open_folder(root, id.container);
  if (!container) return pass(container);
  return find_place(container->get(), id.object, missing);
}

/// An object that is there, to be read.
Outcome<base::UniqueFd> open_object(int root, const ObjectId& id) {
  auto place = place_of(root, id, Missing::refuse);
  if (!place) return pass(place);
  // Nothing is waited for: what is no plain file (a pipe) would make one wait.
  base::UniqueFd file(
      ::openat(place->folder.get(), place->name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return failed("open object", id.object);
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return failed("open object", id.object);
  if (!S_ISREG(facts.st_mode)) return std::unexpected(fmt::format("`{}` is no object", id.object));
  return file;
}

class FileReader final : public ObjectReader {
 public:
  FileReader(base::UniqueFd file, std::string name, std::uint64_t start, std::uint64_t end)
      : file_(std::move(file)), name_(std::move(name)), at_(start), end_(end) {}

  Outcome<Bytes> read() override {
    Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(end_ - at_, blobstore::kStepBytes)));
    // Past what a file can have there is nothing.
    if (bytes.empty() || at_ > static_cast<std::uint64_t>(INT64_MAX) - bytes.size()) return Bytes();
    ssize_t got = -1;
    do {
      got = ::pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return failed("read", name_);
    bytes.resize(static_cast<std::size_t>(got));
    at_ += bytes.size();
    return bytes;
  }

 private:
  base::UniqueFd file_;
  std::string name_;
  std::uint64_t at_;
  std::uint64_t end_;
};

std::string temporary_name() {
  std::uint64_t number = 0;
  // Of 8 bytes all come at once.
  static_cast<void>(!::getrandom(&number, sizeof number, 0));
  return fmt::format("{}{:016x}", kHidden, number);
}

/// A file without a name, which goes with the process however that ends; none where the file system has no such, or
/// nothing could give it a name later.
base::UniqueFd open_unnamed(int folder) {
  if (::access("/proc/self/fd", X_OK) != 0) return {};
  return base::UniqueFd(::openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, kFileMode));
}

class FileWriter final : public ObjectWriter {
 public:
  static Outcome<std::unique_ptr<FileWriter>> create(int root, const ObjectId& id) {
    auto place = place_of(root, id, Missing::make);
    if (!place) return pass(place);
    std::string temporary;
    auto file = open_unnamed(place->folder.get());
    if (!file) {
      temporary = temporary_name();
      file = base::UniqueFd(::openat(place->folder.get(), temporary.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    }
    if (!file) return failed("write", id.object);
    return std::unique_ptr<FileWriter>(
        new FileWriter(std::move(file), *std::move(place), std::move(temporary), id.object));
  }
  ~FileWriter() override {
    if (!temporary_.empty()) ::unlinkat(place_.folder.get(), temporary_.c_str(), 0);
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  Outcome<void> write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto put = ::write(file_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed("write", object_);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

  /// Its bytes are on the disk before its name is.
  Outcome<void> commit() override {
    if (::fdatasync(file_.get()) != 0 || !has_name() ||
        ::renameat(place_.folder.get(), temporary_.c_str(), place_.folder.get(), place_.name.c_str()) != 0) {
      return failed("store", object_);
    }
    temporary_.clear();
    return {};
  }

 private:
  FileWriter(base::UniqueFd file, Place place, std::string temporary, std::string object)
      : file_(std::move(file)),
        place_(std::move(place)),
        temporary_(std::move(temporary)),
        object_(std::move(object)) {}

  /// A name is given to a file only where there is none: to take another's place it needs one of its own first.
  bool has_name() {
    if (!temporary_.empty()) return true;
    auto name = temporary_name();
    const auto unnamed = fmt::format("/proc/self/fd/{}", file_.get());
    if (::linkat(AT_FDCWD, unnamed.c_str(), place_.folder.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) return false;
    temporary_ = std::move(name);
    return true;
  }

  base::UniqueFd file_;
  Place place_;
  std::string temporary_;  ///< empty: it has none yet, or its own
  std::string object_;
};

bool is_text(std::string_view name) { return utf8_prefix(name) == name.size(); }

/// The files below a folder, by their paths from there.
class FileNames final : public NameReader {
 public:
  FileNames(Dir container, std::string name) : name_(std::move(name)) { open_.push_back({std::move(container), {}}); }

  Outcome<std::vector<std::string>> read() override {
    std::vector<std::string> names;
    while (!open_.empty() && names.size() < blobstore::kStepNames) {
      errno = 0;
      const dirent* const entry = ::readdir(open_.back().dir.get());  // NOLINT(concurrency-mt-unsafe): ours alone
      if (entry == nullptr) {
        if (errno != 0) return failed("list", name_);
        open_.pop_back();
        continue;
      }
      // What is no text was not put there by a guest.
      if (is_part(entry->d_name) && is_text(entry->d_name)) look_at(entry->d_name, names);
    }
    return names;
  }

 private:
  struct Level {
    Dir dir;
    std::string prefix;
  };

  void look_at(const std::string& name, std::vector<std::string>& names) {
    const auto& level = open_.back();
    const int folder = ::dirfd(level.dir.get());
    struct stat facts{};
    if (folder < 0 || ::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return;  // gone meanwhile
    if (S_ISREG(facts.st_mode)) {
      names.push_back(level.prefix + name);
    } else if (S_ISDIR(facts.st_mode) && open_.size() < kMaxParts) {
      const base::UniqueFd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (auto dir = below ? open_dir(below.get()) : nullptr) {
        auto prefix = level.prefix + name + "/";
        open_.push_back({std::move(dir), std::move(prefix)});
      }
    }
  }

  std::string name_;
  std::vector<Level> open_;
};

}  // namespace

Result<std::unique_ptr<FolderStore>> FolderStore::open(const std::string& root) {
  std::error_code failure;
  std::filesystem::create_directories(root, failure);
  base::UniqueFd folder;
  if (!failure) {
    folder = base::UniqueFd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) failure = std::error_code(errno, std::generic_category());
  }
  if (failure) {
    return Error(failure == std::errc::permission_denied ? Errc::permission_denied : Errc::io,
                 "cannot open the folder " + root + " to keep objects in: " + failure.message(),
                 "name one in the key `root` of the link's configuration that the provider may write to",
                 Blame::operator_);
  }
  return std::unique_ptr<FolderStore>(new FolderStore(std::move(folder)));
}

Outcome<void> FolderStore::create_container(const std::string& name) {
  if (!is_part(name)) return no_name(name, "a container");
  if (::mkdirat(root_.get(), name.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return failed("create container", name);
  auto there = open_folder(root_.get(), name);
  return there ? Outcome<void>() : pass(there);
}

Outcome<bool> FolderStore::container_exists(const std::string& name) {
  if (!is_part(name)) return no_name(name, "a container");
  struct stat facts{};
  if (::fstatat(root_.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) return S_ISDIR(facts.st_mode);
  if (errno == ENOENT) return false;
  return failed("look for container", name);
}

Outcome<void> FolderStore::clear_container(const std::string& name) {
  const auto container = open_folder(root_.get(), name);
  if (!container) return std::unexpected(container.error());
  return remove_contents(container->get(), name);
}

Outcome<void> FolderStore::delete_container(const std::string& name) {
  if (auto cleared = clear_container(name); !cleared) return cleared;
  if (::unlinkat(root_.get(), name.c_str(), AT_REMOVEDIR) != 0) return failed("delete container", name);
  return {};
}

Outcome<ContainerMetadata> FolderStore::container_info(const std::string& name) {
  const auto container = open_folder(root_.get(), name);
  if (!container) return std::unexpected(container.error());
  return ContainerMetadata{.created_at = created_at(container->get(), "")};
}

Outcome<std::unique_ptr<NameReader>> FolderStore::list(const std::string& container) {
  const auto folder = open_folder(root_.get(), container);
  if (!folder) return std::unexpected(folder.error());
  auto dir = open_dir(folder->get());
  if (dir == nullptr) return failed("list", container);
  return std::make_unique<FileNames>(std::move(dir), container);
}

Outcome<bool> FolderStore::has_object(const ObjectId& id) {
  const auto place = place_of(root_.get(), id, Missing::refuse);
  struct stat facts{};
  if (!place) {
    // A folder on the way may be missing: then so is the object.
    if (errno == ENOENT && open_folder(root_.get(), id.container)) return false;
    return std::unexpected(place.error());
  }
  if (::fstatat(place->folder.get(), place->name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    return S_ISREG(facts.st_mode);
  }
  if (errno == ENOENT) return false;
  return failed("look for", id.object);
}

Outcome<ObjectMetadata> FolderStore::object_info(const ObjectId& id) {
  const auto file = open_object(root_.get(), id);
  if (!file) return std::unexpected(file.error());
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0) return failed("look at", id.object);
  return ObjectMetadata{.created_at = created_at(file->get(), ""), .size = static_cast<std::uint64_t>(facts.st_size)};
}

Outcome<void> FolderStore::delete_object(const ObjectId& id) {
  const auto there = has_object(id);
  if (!there) return std::unexpected(there.error());
  if (!*there) return {};
  const auto place = place_of(root_.get(), id, Missing::refuse);
  if (!place) return std::unexpected(place.error());
  if (::unlinkat(place->folder.get(), place->name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return failed("delete", id.object);
}

Outcome<void> FolderStore::move_object(const ObjectId& from, const ObjectId& to) {
  if (const auto file = open_object(root_.get(), from); !file) return std::unexpected(file.error());
  const auto source = place_of(root_.get(), from, Missing::refuse);
  if (!source) return std::unexpected(source.error());
  const auto goal = place_of(root_.get(), to, Missing::make);
  if (!goal) return std::unexpected(goal.error());
  if (::renameat(source->folder.get(), source->name.c_str(), goal->folder.get(), goal->name.c_str()) == 0) return {};
  if (errno != EXDEV) return failed("move", from.object);
  // An operator has mounted something in between.
  if (auto copied = copy_object(from, to); !copied) return copied;
  return delete_object(from);
}

Outcome<std::unique_ptr<ObjectReader>> FolderStore::read_object(const ObjectId& id, std::uint64_t start,
                                                                std::uint64_t end) {
  auto file = open_object(root_.get(), id);
  if (!file) return pass(file);
  return std::make_unique<FileReader>(*std::move(file), id.object, start, end);
}

Outcome<std::unique_ptr<ObjectWriter>> FolderStore::write_object(const ObjectId& id) {
  return FileWriter::create(root_.get(), id);
}

}  // namespace weft::builtins::blobstore_fs
