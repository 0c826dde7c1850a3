// SPDX-License-Identifier: Apache-2.0
#include "supervision/asio_runtime.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace weft::supervision {

AsioRuntime::AsioRuntime(std::shared_ptr<boost::asio::io_context> io)
    : io_(std::move(io)), engine_(static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count())) {}

double AsioRuntime::random() { return std::uniform_real_distribution(0.0, 1.0)(engine_); }

TimerId AsioRuntime::start_timer(Duration after, Work work) {
  const TimerId id = ++last_timer_;
  auto& entry = timers_.emplace(id, Timer{boost::asio::steady_timer(*io_, after), std::move(work)}).first->second;
  // Cancelled too late the handler still comes; it then finds nothing under its id.
  entry.timer.async_wait([weak = weak_from_this(), id](const boost::system::error_code&) {
    if (const auto self = weak.lock()) self->fire(id);
  });
  return id;
}

void AsioRuntime::fire(TimerId timer) noexcept {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  auto work = std::move(found->second.work);
  timers_.erase(found);
  work();
}

void AsioRuntime::post(Work work) {
  boost::asio::post(*io_, [work = std::move(work)]() mutable { work(); });
}

}  // namespace weft::supervision
