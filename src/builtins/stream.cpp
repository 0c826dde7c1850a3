// SPDX-License-Identifier: Apache-2.0
#include <weft/stream.hpp>

#include <string_view>
#include <utility>

#include "wire/byte_stream.hpp"

namespace weft {
namespace detail {
namespace {

Error nobody_reads() { return {Errc::cancelled, "nobody reads the stream any more", {}, Blame::peer}; }

}  // namespace

// What is told is told after the lock: it may come back.

void ChannelOut::write(Bytes bytes, WriteDone done) {
  ReadDone reader;
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_ && !reader_) {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
      // Of a second write that did not wait for the first, only its own end is told.
      done_ = std::move(done);
      return;
    }
    reader = std::exchange(reader_, {});
  }
  if (!reader) return done(nobody_reads());
  reader(std::move(bytes));
  done({});
}

void ChannelOut::end() {
  ReadDone reader;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    reader = std::exchange(reader_, {});
  }
  if (reader) reader(Bytes());
}

void ChannelOut::break_off(Error error) {
  ReadDone reader;
  {
    const std::scoped_lock lock(mutex_);
    if (!reader_) {
      broken_ = std::move(error);
      return;
    }
    reader = std::exchange(reader_, {});
  }
  reader(std::move(error));
}

void ChannelOut::read(ReadDone done) {
  Bytes bytes;
  WriteDone taken;
  std::optional<Error> broken;
  {
    const std::scoped_lock lock(mutex_);
    bytes = std::exchange(bytes_, {});
    taken = std::exchange(done_, {});
    if (bytes.empty() && !ended_ && !broken_) {
      reader_ = std::move(done);
      return;
    }
    if (bytes.empty()) broken = std::exchange(broken_, std::nullopt);
  }
  if (broken) return done(*std::move(broken));
  done(std::move(bytes));
  if (taken) taken({});
}

void ChannelOut::close() {
  WriteDone taken;
  ReadDone reader;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    bytes_.clear();
    taken = std::exchange(done_, {});
    reader = std::exchange(reader_, {});
  }
  if (taken) taken(nobody_reads());
}

}  // namespace detail

struct ByteSource::State : std::enable_shared_from_this<ByteSource::State> {
  /// What has come, without the lengths between.
  void next(ReadDone done) {
    if (!whole.empty()) {
      ended = true;
      return done(std::exchange(whole, {}));
    }
    if (ended) return done(Bytes());
    if (channel == nullptr)
      return done(Error(Errc::malformed, "the stream was announced and not sent", {}, Blame::peer));
    channel->read([weak = weak_from_this(), done = std::move(done)](Result<Bytes> bytes) mutable {
      if (const auto self = weak.lock()) self->received(std::move(bytes), std::move(done));
    });
  }

  void received(Result<Bytes> bytes, ReadDone done) {
    if (!bytes) return done(std::move(bytes));
    if (bytes->empty()) {
      ended = true;
      if (decoder.may_end()) return done(Bytes());
      return done(Error(Errc::malformed, "the stream breaks off", {}, Blame::peer));
    }
    Bytes out;
    out.reserve(bytes->size());
    std::string_view rest(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    while (true) {
      const auto step = decoder.next(rest);
      if (step.kind == wire::ByteStreamDecoder::Kind::data) {
        const auto* const data = reinterpret_cast<const std::byte*>(step.data.data());
        out.insert(out.end(), data, data + step.data.size());
      } else if (step.kind == wire::ByteStreamDecoder::Kind::fault) {
        ended = true;
        return done(Error(Errc::malformed, "what is sent is no stream of bytes", {}, Blame::peer));
      } else {
        ended = step.kind == wire::ByteStreamDecoder::Kind::end;
        break;
      }
    }
    if (!out.empty() || ended) return done(std::move(out));
    next(std::move(done));  // but a part of a length
  }

  std::unique_ptr<detail::ChannelIn> channel;
  wire::ByteStreamDecoder decoder;
  Bytes whole;  ///< that came with the parameters
  bool ended = false;
};

ByteSource::ByteSource() : state_(std::make_shared<State>()) {}
ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

void ByteSource::next(ReadDone done) { state_->next(std::move(done)); }
void ByteSource::set_inline(std::span<const std::byte> bytes) { state_->whole.assign(bytes.begin(), bytes.end()); }
void ByteSource::bind(std::unique_ptr<detail::ChannelIn> channel) { state_->channel = std::move(channel); }

}  // namespace weft
