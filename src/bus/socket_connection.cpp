// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace weft::bus {

namespace asio = boost::asio;
using boost::system::error_code;

SocketConnection::SocketConnection(async::Shard& shard, Socket socket, std::size_t max_waiting_bytes)
    : shard_(shard), socket_(std::move(socket)), buffer_(), max_waiting_bytes_(max_waiting_bytes) {}

void SocketConnection::start(FrameHandler on_frame, ClosedHandler on_closed) {
  on_frame_ = std::move(on_frame);
  on_closed_ = std::move(on_closed);
  read();
}

void SocketConnection::read() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](const error_code& error, std::size_t count) {
                            if (self->closed_) {
                              return;
                            }
                            if (error) {
                              self->finish(Error(Errc::unavailable, "the other end of the socket has gone"));
                            } else if (auto handled = self->handle({self->buffer_.data(), count}); !handled) {
                              self->finish(std::move(handled).error());
                            } else if (!self->closed_ && !self->closing_) {
                              self->read();
                            }
                          });
}

Result<void> SocketConnection::handle(std::string_view bytes) {
  reader_.feed(bytes);
  while (true) {
    WEFT_TRY(auto frame, reader_.next());
    // A handler may have closed the connection and forgotten itself.
    if (!frame || closed_ || closing_ || !on_frame_) {
      return {};
    }
    WEFT_CHECK(on_frame_(*std::move(frame)));
  }
}

Result<void> SocketConnection::send(const Frame& frame) {
  WEFT_TRY(const auto bytes, encode(frame));
  const std::lock_guard lock(mutex_);
  if (ended_) {
    return Error(Errc::unavailable, "the socket is closed");
  }
  if (waiting_.size() + bytes.size() > max_waiting_bytes_) {
    ended_ = true;
    asio::post(shard_.io(), [self = shared_from_this()] {
      self->finish(Error(Errc::resource_exhausted, "the other end of the socket does not read", {}, Blame::peer));
    });
    return Error(Errc::resource_exhausted, "the other end of the socket does not read", {}, Blame::peer);
  }
  waiting_ += bytes;
  if (!std::exchange(write_scheduled_, true)) {
    asio::post(shard_.io(), [self = shared_from_this()] { self->write(); });
  }
  return {};
}

void SocketConnection::write() {
  if (closed_) {
    return;
  }
  writing_.clear();
  {
    const std::lock_guard lock(mutex_);
    writing_.swap(waiting_);
    write_scheduled_ = !writing_.empty();
  }
  if (writing_.empty()) {
    if (closing_) {
      close();
    }
    return;
  }
  asio::async_write(socket_, asio::buffer(writing_), [self = shared_from_this()](const error_code& error, std::size_t) {
    if (self->closed_) {
      return;
    }
    if (error) {
      self->finish(Error(Errc::unavailable, "the other end of the socket has gone"));
    } else {
      self->write();
    }
  });
}

void SocketConnection::finish(Error why) {
  if (closed_) {
    return;
  }
  auto told = std::move(on_closed_);
  close();
  if (told) {
    told(std::move(why));
  }
}

void SocketConnection::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting_.clear();
  }
  error_code ignored;
  socket_.close(ignored);
  // Not here: one of them may be what calls this.
  asio::post(shard_.io(), [self = shared_from_this()] {
    self->on_frame_ = {};
    self->on_closed_ = {};
  });
}

bool SocketConnection::is_idle() {
  const std::lock_guard lock(mutex_);
  return closed_ || (writing_.empty() && waiting_.empty());
}

void SocketConnection::close_when_sent() {
  on_closed_ = {};
  bool is_sending = false;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    is_sending = write_scheduled_;
  }
  closing_ = true;
  if (!is_sending) {
    close();
  }
}

void SocketConnection::close_soon() {
  asio::post(shard_.io(), [self = shared_from_this()] { self->close(); });
}

}  // namespace weft::bus
