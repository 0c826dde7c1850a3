// SPDX-License-Identifier: Apache-2.0
#include "web/client_connection.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <utility>

namespace weft::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

ReadEnd end_of(const boost::system::error_code& error) noexcept {
  if (!error) return ReadEnd::data;
  return error == asio::error::eof ? ReadEnd::closed : ReadEnd::gone;
}

}  // namespace

class ClientConnection::Tls {
 public:
  Tls(TcpSocket& socket, asio::ssl::context& context) : stream(socket, context) {}
  asio::ssl::stream<TcpSocket&> stream;
};

ClientTarget make_client_target(std::string_view scheme, std::string_view authority) {
  ClientTarget target;
  target.tls = scheme != "http";
  target.port = target.tls ? 443 : 80;
  auto host = authority;
  std::string_view port;
  const auto bracket = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  if (bracket != std::string_view::npos) {
    host = authority.substr(1, bracket - 1);
    if (bracket + 2 < authority.size()) port = authority.substr(bracket + 2);
  } else if (const auto colon = authority.rfind(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  target.host = host;
  if (!port.empty()) std::from_chars(port.data(), port.data() + port.size(), target.port);
  return target;
}

ClientConnection::ClientConnection(async::Shard& shard, ClientTarget target, TlsContext tls)
    : io_(shard.shared_io()),
      target_(std::move(target)),
      context_(std::move(tls)),
      resolver_(*io_),
      socket_(*io_),
      timer_(*io_) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::open() {
  boost::system::error_code error;
  if (const auto address = asio::ip::make_address(target_.host, error); !error) {
    endpoints_.emplace_back(address, target_.port);
    return connect(0);
  }
  resolver_.async_resolve(
      target_.host, std::to_string(target_.port), tcp::resolver::numeric_service,
      [self = shared_from_this()](const ErrorCode& failure, const tcp::resolver::results_type& found) {
        if (self->closed_) return;
        if (failure) return self->failed(HttpFault::dns_error, "address not available");
        for (const auto& entry : found) self->endpoints_.push_back(entry.endpoint());
        self->connect(0);
      });
}

void ClientConnection::connect(std::size_t index) {
  if (index == endpoints_.size()) return failed(HttpFault::dns_error, "address not available");
  ErrorCode ignored;
  socket_.close(ignored);
  socket_.async_connect(endpoints_[index], [self = shared_from_this(), index](const ErrorCode& failure) {
    if (self->closed_) return;
    if (failure && index + 1 < self->endpoints_.size()) return self->connect(index + 1);
    if (failure) return self->failed(HttpFault::connection_refused, failure.message());
    ErrorCode unimportant;
    self->socket_.set_option(tcp::no_delay(true), unimportant);
    self->target_.tls ? self->handshake() : self->opened();
  });
}

void ClientConnection::handshake() {
  tls_ = std::make_unique<Tls>(socket_, *context_);
  ErrorCode error;
  tls_->stream.set_verify_mode(asio::ssl::verify_peer, error);
  tls_->stream.set_verify_callback(asio::ssl::host_name_verification(target_.host), error);
  ErrorCode literal;
  asio::ip::make_address(target_.host, literal);
  // RFC 6066, section 3: names only.
  if (literal) SSL_set_tlsext_host_name(tls_->stream.native_handle(), target_.host.c_str());
  if (error) return failed(HttpFault::internal_error, "the server's name cannot be verified");
  tls_->stream.async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const ErrorCode& failure) {
    if (self->closed_) return;
    if (!failure) return self->opened();
    if (failure.category() != asio::error::get_ssl_category())
      return self->failed(HttpFault::tls_protocol_error, "the server ended the TLS handshake");
    const auto verified = SSL_get_verify_result(self->tls_->stream.native_handle());
    const auto verdict = judge_handshake(static_cast<unsigned long>(static_cast<unsigned>(failure.value())), verified);
    // A certificate that is fine but for another name: OpenSSL has nothing to say of it.
    const bool other_name = verdict.fault == HttpFault::tls_certificate_error && verified == X509_V_OK;
    self->failed(verdict.fault, other_name ? "the certificate is for another name" : verdict.text);
  });
}

void ClientConnection::opened() {
  open_ = true;
  if (owner_ != nullptr) owner_->on_open();
}

void ClientConnection::failed(HttpFault fault, std::string_view reason) {
  auto* const owner = owner_;
  close();
  if (owner != nullptr) owner->on_open_failed(fault, reason);
}

void ClientConnection::read() {
  reading_ = true;
  const auto room = buffer_.room();
  const auto into = asio::mutable_buffer(room.data(), room.size());
  auto done = [self = shared_from_this()](const ErrorCode& error, std::size_t bytes) {
    self->reading_ = false;
    if (!error) self->buffer_.end += bytes;
    if (self->owner_ != nullptr) self->owner_->on_read(end_of(error), bytes);
  };
  if (tls_) {
    tls_->stream.async_read_some(into, std::move(done));
  } else {
    socket_.async_read_some(into, std::move(done));
  }
}

void ClientConnection::write(std::string bytes) {
  writing_ = true;
  out_ = std::move(bytes);
  auto done = [self = shared_from_this()](const ErrorCode& error, std::size_t /*bytes*/) {
    self->writing_ = false;
    if (self->owner_ != nullptr) self->owner_->on_written(!error);
  };
  if (tls_) {
    asio::async_write(tls_->stream, asio::buffer(out_), std::move(done));
  } else {
    asio::async_write(socket_, asio::buffer(out_), std::move(done));
  }
}

void ClientConnection::set_deadline(Clock::time_point when) {
  deadline_ = when;
  // A timer that comes too early looks again: most deadlines only move on.
  if (when < timer_at_) wait();
}

void ClientConnection::wait() {
  timer_at_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](const ErrorCode& error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->closed_) return;
    self->timer_at_ = Clock::time_point::max();
    if (self->deadline_ == Clock::time_point::max()) return;
    if (self->deadline_ > Clock::now()) return self->wait();
    self->deadline_ = Clock::time_point::max();
    if (self->owner_ != nullptr) self->owner_->on_deadline();
  });
}

void ClientConnection::close() noexcept {
  owner_ = nullptr;
  if (std::exchange(closed_, true)) return;
  resolver_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  timer_.cancel();
}

bool ClientConnection::is_usable() noexcept {
  if (closed_ || !open_ || reading_ || writing_ || !buffer_.empty()) return false;
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace weft::web
