// SPDX-License-Identifier: Apache-2.0
/// Streams and futures among the parameters and results of a provider's functions: `stream<u8>` parameters as a
/// ByteSource, `stream<T>` and `future<T>` results as a StreamOut<T> and a FutureOut<T>, whose other ends the provider
/// keeps and serves after it has sent its reply.
///
///   function("acme:files/files", "read", [](Reply<std::expected<StreamOut<std::byte>, std::string>> reply, ...) {
///     auto [sink, out] = make_stream<std::byte>();
///     reply.send(std::move(out));
///     sink.write(bytes, [](Result<void> taken) {...});    // the next when this one was taken
///   });
///
/// Only functions with a Reply may have them. They may stand in tuples, options and results, not in records or lists.
/// Nothing is buffered beyond one piece: write() is answered when the reader wants more, and a ByteSource gives the
/// next piece when it is asked. Ownership: each end is movable and belongs to whoever holds it; destroying one tells
/// the other (a sink without end(): the stream breaks off). Threads: any, one at a time for each end; callbacks come on
/// a thread of the host, possibly from inside the call that asked for them, and must neither block nor throw. Source:
/// data-plane facts 2.6.
#pragma once

#include <weft/error.hpp>
#include <weft/result.hpp>
#include <weft/value.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weft {

using Bytes = std::vector<std::byte>;
/// Told what a read came to. No bytes: the end.
using ReadDone = std::move_only_function<void(Result<Bytes>)>;
/// Told when a piece was taken; an error: nobody reads any more.
using WriteDone = std::move_only_function<void(Result<void>)>;

namespace detail {

/// Where the bytes of a channel come from. Destroying it: nobody reads any more.
class ChannelIn {
 public:
  virtual ~ChannelIn() = default;
  /// One at a time; any thread.
  virtual void read(ReadDone done) = 0;
};
struct NamedChannelIn {
  std::string path;
  std::unique_ptr<ChannelIn> channel;
};

/// Where a writer and a reader of one channel meet, on any threads.
class ChannelOut {
 public:
  enum class Kind : std::uint8_t { stream, future };
  explicit ChannelOut(Kind kind) : kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// The writer's. `bytes` are not empty.
  void write(Bytes bytes, WriteDone done);
  void end();
  void break_off(Error error);
  /// The reader's.
  void read(ReadDone done);
  void close();

 private:
  const Kind kind_;
  std::mutex mutex_;
  Bytes bytes_;     ///< written and not taken
  WriteDone done_;  ///< of those
  ReadDone reader_;
  bool ended_ = false;
  bool closed_ = false;
  std::optional<Error> broken_;
};
struct NamedChannelOut {
  std::string path;
  std::shared_ptr<ChannelOut> channel;
};

}  // namespace detail

/// A `stream<u8>` that somebody sends.
class ByteSource {
 public:
  ByteSource();
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Asks for the next piece. `done` is told: some bytes, none at the end, or the error by which the stream broke off.
  /// One at a time. Destroying the source meanwhile ends it without a word.
  void next(ReadDone done);

  // For the codec.
  void set_inline(std::span<const std::byte> bytes);
  void bind(std::unique_ptr<detail::ChannelIn> channel);

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< shared with the read that is under way
};

/// The reading end of a stream among results, on its way to the caller.
template <class T>
struct StreamOut {
  std::shared_ptr<detail::ChannelOut> channel;
};
/// The same of a future.
template <class T>
struct FutureOut {
  std::shared_ptr<detail::ChannelOut> channel;
};

namespace detail {

/// The writing end, whatever it is typed as.
class Writer {
 public:
  explicit Writer(std::shared_ptr<ChannelOut> channel) : channel_(std::move(channel)) {}
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&& other) noexcept {
    if (this != &other) {
      drop();
      channel_ = std::move(other.channel_);
    }
    return *this;
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { drop(); }

  /// What has been written stays.
  void break_off(Error error) {
    if (const auto channel = std::exchange(channel_, nullptr)) channel->break_off(std::move(error));
  }

 protected:
  void put(Bytes bytes, WriteDone done) {
    if (channel_ != nullptr) channel_->write(std::move(bytes), std::move(done));
  }
  void end_channel() {
    if (const auto channel = std::exchange(channel_, nullptr)) channel->end();
  }

 private:
  void drop() { break_off({Errc::internal, "the provider gave a stream up without ending it"}); }

  std::shared_ptr<ChannelOut> channel_;
};

}  // namespace detail

/// Writes a `stream<T>`: of bytes from a span, of others from a vector. One write at a time.
template <class T>
class StreamSink : public detail::Writer {
 public:
  using Writer::Writer;
  using Items = std::conditional_t<std::is_same_v<T, std::byte>, std::span<const std::byte>, const std::vector<T>&>;

  /// `items` are not empty and are copied.
  void write(Items items, WriteDone done) {
    ValueWriter chunk;
    if constexpr (std::is_same_v<T, std::byte>) {
      chunk.write_bytes(items);
    } else {
      write_value(chunk, items);
    }
    if (!chunk.ok()) {
      done(chunk.error());
      return;
    }
    put(chunk.to_vector(), std::move(done));
  }
  void end() {
    put(Bytes{std::byte{0}}, [](const Result<void>& /*taken*/) {});
    end_channel();
  }
};

/// Resolves a `future<T>`.
template <class T>
class Promise : public detail::Writer {
 public:
  using Writer::Writer;

  void set(const T& value) {
    auto bytes = encode(value);
    if (!bytes) return break_off(std::move(bytes).error());
    put(*std::move(bytes), [](const Result<void>& /*taken*/) {});
    end_channel();
  }
};

template <class T>
struct StreamPair {
  StreamSink<T> sink;
  StreamOut<T> out;
};
template <class T>
StreamPair<T> make_stream() {
  auto channel = std::make_shared<detail::ChannelOut>(detail::ChannelOut::Kind::stream);
  return {StreamSink<T>(channel), StreamOut<T>{channel}};
}
template <class T>
struct FuturePair {
  Promise<T> promise;
  FutureOut<T> out;
};
template <class T>
FuturePair<T> make_future() {
  auto channel = std::make_shared<detail::ChannelOut>(detail::ChannelOut::Kind::future);
  return {Promise<T>(channel), FutureOut<T>{channel}};
}

/// Beside the values there is but the word that more follows.
template <class T>
struct Codec<StreamOut<T>> {
  static void write(ValueWriter& writer, const StreamOut<T>& /*stream*/) { writer.write_bytes({}); }
};
template <class T>
struct Codec<FutureOut<T>> {
  static void write(ValueWriter& writer, const FutureOut<T>& /*future*/) { writer.write_bool(false); }
};
template <>
struct Codec<ByteSource> {
  static bool read(ValueReader& reader, ByteSource& out) {
    std::span<const std::byte> bytes;
    if (!reader.read_bytes(bytes)) return false;
    out.set_inline(bytes);
    return true;
  }
};

namespace detail {

/// Finds the streams and futures of a type (each_path) and of a value (each), with their paths.
template <class T>
struct AsyncParts {
  static constexpr bool kAny = false;
};
template <class T>
inline constexpr bool kHasAsyncParts = AsyncParts<std::remove_cvref_t<T>>::kAny;

template <class T>
struct AsyncLeaf {
  static constexpr bool kAny = true;
  template <class Each>
  static void each_path(const std::string& path, Each&& each) {
    each(path);
  }
  template <class V, class Each>
  static void each(V& value, const std::string& path, Each&& each) {
    each(value, path);
  }
};
template <>
struct AsyncParts<ByteSource> : AsyncLeaf<ByteSource> {};
template <class T>
struct AsyncParts<StreamOut<T>> : AsyncLeaf<StreamOut<T>> {};
template <class T>
struct AsyncParts<FutureOut<T>> : AsyncLeaf<FutureOut<T>> {};

inline std::string path_below(const std::string& path, std::size_t index) {
  return path.empty() ? std::to_string(index) : path + "." + std::to_string(index);
}

template <class... A>
struct AsyncParts<std::tuple<A...>> {
  static constexpr bool kAny = (kHasAsyncParts<A> || ...);
  template <class Each>
  static void each_path(const std::string& path, Each&& each) {
    std::size_t index = 0;
    (each_path_of<A>(path_below(path, index++), each), ...);
  }
  template <class V, class Each>
  static void each(V& value, const std::string& path, Each&& each) {
    std::apply(
        [&](auto&... part) {
          std::size_t index = 0;
          (each_of(part, path_below(path, index++), each), ...);
        },
        value);
  }

 private:
  template <class P, class Each>
  static void each_path_of(const std::string& path, Each& each) {
    if constexpr (kHasAsyncParts<P>) AsyncParts<std::remove_cvref_t<P>>::each_path(path, each);
  }
  template <class P, class Each>
  static void each_of(P& part, const std::string& path, Each& each) {
    if constexpr (kHasAsyncParts<P>) AsyncParts<std::remove_cvref_t<P>>::each(part, path, each);
  }
};

/// A result or an option adds nothing to the path.
template <class T, class E>
  requires kHasAsyncParts<T>
struct AsyncParts<std::expected<T, E>> {
  static constexpr bool kAny = true;
  template <class Each>
  static void each_path(const std::string& path, Each&& each) {
    AsyncParts<T>::each_path(path, each);
  }
  template <class V, class Each>
  static void each(V& value, const std::string& path, Each&& each) {
    if (value) AsyncParts<T>::each(*value, path, each);
  }
};
template <class T>
  requires kHasAsyncParts<T>
struct AsyncParts<std::optional<T>> : AsyncParts<std::expected<T, std::monostate>> {};

}  // namespace detail
}  // namespace weft
