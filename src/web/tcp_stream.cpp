// SPDX-License-Identifier: Apache-2.0
#include "web/tcp_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>

namespace weft::web {

void TcpStream::read(std::span<char> into) {
  socket_.async_receive(boost::asio::mutable_buffer(into.data(), into.size()),
                        [this](const boost::system::error_code& error, std::size_t bytes) {
                          if (!error) {
                            owner_->on_read(ReadEnd::data, bytes);
                          } else {
                            owner_->on_read(error == boost::asio::error::eof ? ReadEnd::closed : ReadEnd::gone, 0);
                          }
                        });
}

WriteResult TcpStream::write(std::span<const iovec> pieces) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it
  message.msg_iovlen = pieces.size();
  for (;;) {
    const auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return {WriteResult::State::sent, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return {WriteResult::State::full, 0};
    return {WriteResult::State::gone, 0};
  }
}

void TcpStream::wait_writable() {
  socket_.async_wait(TcpSocket::wait_write, [this](const boost::system::error_code&) { owner_->on_stream_writable(); });
}

void TcpStream::shutdown_write() noexcept {
  boost::system::error_code ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

void TcpStream::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void TcpStream::reset() noexcept {
  if (!socket_.is_open()) return;
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  close();
}

bool TcpStream::peer_left() noexcept {
  if (!socket_.is_open()) return true;
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_FIN_WAIT1 && info.tcpi_state != TCP_FIN_WAIT2;
}

}  // namespace weft::web
