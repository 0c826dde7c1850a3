// SPDX-License-Identifier: Apache-2.0
/// The answer to one call, to be given later and from anywhere: a function that takes a Reply<T> returns at once, and
/// whoever holds the reply sends.
///
/// Ownership: move-only; a reply that is destroyed unsent answers with an error, so no caller waits for ever. It may
/// outlive the provider and the host. Threads: any, one at a time. Errors: send() of what cannot be encoded fails the
/// call. The first answer counts; none is told to a caller that has gone (is_cancelled()).
#pragma once

#include <weft/error.hpp>
#include <weft/result.hpp>
#include <weft/stream.hpp>
#include <weft/value.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

namespace detail {

/// Encoded results, with the streams and futures among them.
struct Answer {
  std::vector<std::byte> bytes;
  std::vector<NamedChannelOut> channels = {};
};

/// Encodes results; `value` may have streams, which go with it.
template <class T>
Result<Answer> encode_answer(T value) {
  WEFT_TRY(auto bytes, encode<T>(value));
  Answer answer{.bytes = std::move(bytes)};
  if constexpr (kHasAsyncParts<T>) {
    AsyncParts<T>::each(value, "0", [&answer](auto& part, const std::string& path) {
      answer.channels.push_back({.path = path, .channel = std::move(part.channel)});
    });
  }
  return answer;
}

/// The host's end of a reply. Any thread.
class ReplyChannel {
 public:
  virtual ~ReplyChannel() = default;
  /// The first call counts.
  virtual void finish(Result<Answer> results) noexcept = 0;
  [[nodiscard]] virtual bool is_cancelled() const noexcept = 0;
  virtual void on_cancel(std::move_only_function<void() noexcept> callback) = 0;
};

}  // namespace detail

template <class T = void>
class Reply {
 public:
  explicit Reply(std::shared_ptr<detail::ReplyChannel> channel) noexcept : channel_(std::move(channel)) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept {
    if (this != &other) {
      drop();
      channel_ = std::move(other.channel_);
    }
    return *this;
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() { drop(); }

  /// reply.send(value), or reply.send() where T is void.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
  void send(U&& value) noexcept {
    try {
      finish(detail::encode_answer<T>(static_cast<T>(std::forward<U>(value))));
    } catch (const std::exception& error) {
      fail({Errc::resource_exhausted, std::string("cannot encode the answer: ") + error.what()});
    }
  }
  void send() noexcept
    requires std::is_void_v<T>
  {
    finish(detail::Answer());
  }
  /// The call fails: for what the interface's own result type has no place for.
  void fail(Error error) noexcept { finish(std::move(error)); }

  /// True once nobody waits for the answer.
  [[nodiscard]] bool is_cancelled() const noexcept { return channel_ == nullptr || channel_->is_cancelled(); }
  /// Called once, on a thread of the host, if the caller goes away first; at once if it has.
  void on_cancel(std::move_only_function<void() noexcept> callback) {
    if (channel_ != nullptr) channel_->on_cancel(std::move(callback));
  }

 private:
  void finish(Result<detail::Answer> results) noexcept {
    if (const auto channel = std::exchange(channel_, nullptr)) channel->finish(std::move(results));
  }
  void drop() noexcept {
    if (channel_ != nullptr) fail({Errc::internal, "the provider dropped the call without an answer"});
  }

  std::shared_ptr<detail::ReplyChannel> channel_;
};

}  // namespace weft
