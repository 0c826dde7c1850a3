// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore/transfers.hpp"

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::builtins::blobstore {
namespace {

constexpr const char* kStopping = "the store is being stopped or has too much to do";

/// What goes to a caller piece by piece: `T` are the items, `Reader` gives them.
template <class T, class Reader, class ReplyOf>
class Sending final : public std::enable_shared_from_this<Sending<T, Reader, ReplyOf>> {
 public:
  using Open = std::move_only_function<Outcome<std::unique_ptr<Reader>>()>;

  Sending(std::shared_ptr<Work> work, Open open, ReplyOf reply)
      : work_(std::move(work)), open_(std::move(open)), reply_(std::move(reply)) {}

  void begin() {
    if (!Work::post(work_, [self = this->shared_from_this()]() noexcept { self->open(); })) {
      reply_.send(std::unexpected(std::string(kStopping)));
    }
  }

 private:
  static constexpr bool kHasStatus = std::is_same_v<ReplyOf, Reply<Streamed<T>>>;

  void open() noexcept {
    auto opened = std::exchange(open_, {})();
    if (!opened) return reply_.send(std::unexpected(std::move(opened).error()));
    reader_ = *std::move(opened);
    auto [sink, out] = make_stream<T>();
    sink_.emplace(std::move(sink));
    if constexpr (kHasStatus) {
      auto [promise, status] = make_future<Outcome<void>>();
      promise_.emplace(std::move(promise));
      reply_.send(std::tuple(std::move(out), std::move(status)));
    } else {
      reply_.send(std::move(out));
    }
    step();
  }

  void step() noexcept {
    auto items = reader_->read();
    if (!items) return finish(std::unexpected(std::move(items).error()));
    if (items->empty()) return finish({});
    sink_->write(*items, [self = this->shared_from_this()](const Result<void>& taken) {
      if (!taken) return;  // nobody reads any more
      if (!Work::post(self->work_, [self]() noexcept { self->step(); })) {
        self->finish(std::unexpected(std::string(kStopping)));
      }
    });
  }

  void finish(Outcome<void> outcome) {
    if (outcome) {
      sink_->end();
    } else {
      sink_->break_off({Errc::io, outcome.error()});
    }
    if (promise_) promise_->set(outcome);
  }

  std::shared_ptr<Work> work_;
  Open open_;
  ReplyOf reply_;
  std::unique_ptr<Reader> reader_;
  std::optional<StreamSink<T>> sink_;
  std::optional<Promise<Outcome<void>>> promise_;
};

template <class T, class Reader, class ReplyOf, class Open>
void send(std::shared_ptr<Work> work, ReplyOf reply, Open open) {
  std::make_shared<Sending<T, Reader, ReplyOf>>(std::move(work), std::move(open), std::move(reply))->begin();
}

/// Only so many of the names, from the place that was asked for.
class PagedNames final : public NameReader {
 public:
  PagedNames(std::unique_ptr<NameReader> all, Page page) : all_(std::move(all)), page_(page) {}

  Outcome<std::vector<std::string>> read() override {
    while (page_.limit > 0) {
      auto names = all_->read();
      if (!names || names->empty()) return names;
      const auto skipped = std::min<std::uint64_t>(page_.offset, names->size());
      page_.offset -= skipped;
      names->erase(names->begin(), names->begin() + static_cast<std::ptrdiff_t>(skipped));
      if (names->size() > page_.limit) names->resize(static_cast<std::size_t>(page_.limit));
      page_.limit -= names->size();
      if (!names->empty()) return names;
    }
    return std::vector<std::string>();
  }

 private:
  std::unique_ptr<NameReader> all_;
  Page page_;
};

/// What comes from a caller.
template <class ReplyOf>
class Taking final : public std::enable_shared_from_this<Taking<ReplyOf>> {
 public:
  Taking(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data, ReplyOf reply)
      : work_(std::move(work)),
        store_(std::move(store)),
        id_(std::move(id)),
        data_(std::move(data)),
        reply_(std::move(reply)) {}

  void begin() {
    if (!Work::post(work_, [self = this->shared_from_this()]() noexcept { self->open(); })) {
      reply_.send(std::unexpected(std::string(kStopping)));
    }
  }

 private:
  static constexpr bool kHasStatus = std::is_same_v<ReplyOf, Reply<Outcome<Status>>>;

  void open() noexcept {
    auto opened = store_->write_object(id_);
    if (!opened) return reply_.send(std::unexpected(std::move(opened).error()));
    writer_ = *std::move(opened);
    if constexpr (kHasStatus) {
      auto [promise, status] = make_future<Outcome<void>>();
      promise_.emplace(std::move(promise));
      reply_.send(std::move(status));
    }
    next();
  }

  void next() {
    data_.next([self = this->shared_from_this()](Result<Bytes> piece) {
      auto step = [self, piece = std::move(piece)]() mutable noexcept { self->step(std::move(piece)); };
      if (!Work::post(self->work_, std::move(step))) self->finish(std::unexpected(std::string(kStopping)));
    });
  }

  void step(Result<Bytes> piece) noexcept {
    if (!piece) {
      return finish(std::unexpected("the object did not come whole, and is not stored: " + piece.error().message()));
    }
    if (piece->empty()) return finish(writer_->commit());
    auto written = writer_->write(*piece);
    written ? next() : finish(std::move(written));
  }

  void finish(Outcome<void> outcome) {
    writer_.reset();
    data_ = ByteSource();  // what still comes is for nobody
    if constexpr (kHasStatus) {
      promise_->set(outcome);
    } else {
      reply_.send(std::move(outcome));
    }
  }

  std::shared_ptr<Work> work_;
  StorePtr store_;
  ObjectId id_;
  ByteSource data_;
  ReplyOf reply_;
  std::unique_ptr<ObjectWriter> writer_;
  std::optional<Promise<Outcome<void>>> promise_;
};

template <class ReplyOf>
void take(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data, ReplyOf reply) {
  std::make_shared<Taking<ReplyOf>>(std::move(work), std::move(store), std::move(id), std::move(data), std::move(reply))
      ->begin();
}

auto reader_of(StorePtr store, ObjectId id, std::uint64_t start, std::uint64_t end) {
  return [store = std::move(store), id = std::move(id), start, end]() -> Outcome<std::unique_ptr<ObjectReader>> {
    if (end < start) return std::unexpected("the range ends before it starts");
    return store->read_object(id, start, end);
  };
}

auto names_of(StorePtr store, std::string container, Page page) {
  return [store = std::move(store), container = std::move(container), page]() -> Outcome<std::unique_ptr<NameReader>> {
    auto names = store->list(container);
    if (!names) return names;
    return std::make_unique<PagedNames>(*std::move(names), page);
  };
}

}  // namespace

void send_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, std::uint64_t start, std::uint64_t end,
                 Reply<Streamed<std::byte>> reply) {
  send<std::byte, ObjectReader>(std::move(work), std::move(reply),
                                reader_of(std::move(store), std::move(id), start, end));
}
void send_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, std::uint64_t start, std::uint64_t end,
                 Reply<OlderStreamed<std::byte>> reply) {
  send<std::byte, ObjectReader>(std::move(work), std::move(reply),
                                reader_of(std::move(store), std::move(id), start, end));
}

void send_names(std::shared_ptr<Work> work, StorePtr store, std::string container, Page page,
                Reply<Streamed<std::string>> reply) {
  send<std::string, NameReader>(std::move(work), std::move(reply),
                                names_of(std::move(store), std::move(container), page));
}
void send_names(std::shared_ptr<Work> work, StorePtr store, std::string container, Page page,
                Reply<OlderStreamed<std::string>> reply) {
  send<std::string, NameReader>(std::move(work), std::move(reply),
                                names_of(std::move(store), std::move(container), page));
}

void take_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data,
                 Reply<Outcome<Status>> reply) {
  take(std::move(work), std::move(store), std::move(id), std::move(data), std::move(reply));
}
void take_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data, Reply<Outcome<void>> reply) {
  take(std::move(work), std::move(store), std::move(id), std::move(data), std::move(reply));
}

}  // namespace weft::builtins::blobstore
