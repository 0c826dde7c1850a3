// SPDX-License-Identifier: Apache-2.0
#include "async/deadline.hpp"

namespace weft::async {

namespace asio = boost::asio;

Task<void> sleep_for(std::chrono::nanoseconds duration) {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    co_return Error(Errc::cancelled, "cancelled before a pause");
  }
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(duration));
  if (const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable)); error) {
    co_return Error(Errc::cancelled, "cancelled during a pause");
  }
  co_return Result<void>();
}

void Deadline::start(const std::shared_ptr<Deadline>& deadline, std::chrono::nanoseconds duration) {
  deadline->timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(duration));
  deadline->timer.async_wait([deadline](const boost::system::error_code& error) {
    if (!error) {
      deadline->has_passed = true;
      deadline->signal.emit(asio::cancellation_type::terminal);
    }
  });
}

}  // namespace weft::async
