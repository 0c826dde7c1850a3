// SPDX-License-Identifier: Apache-2.0
/// One connection as its shard sees it, whatever protocol it speaks. HTTP/1.1 now (SessionHttp1); HTTP/2 will be
/// another. Ownership: in its shard's list; deletes itself through ShardServer::remove() when its stream is closed and
/// nothing is outstanding. Threads: its shard.
#pragma once

#include <boost/intrusive/list.hpp>

#include "web/timer_queue.hpp"

namespace weft::web {

class Session : public boost::intrusive::list_base_hook<> {
 public:
  Session() = default;
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  virtual void start() = 0;
  /// Finishes what is under way and then closes; at once when idle. May delete the session.
  virtual void drain() = 0;
  /// Closes now; a Responder gets on_disconnect. May delete the session.
  virtual void abort() = 0;
  /// May delete the session.
  virtual void on_timer(TimerKind kind) = 0;
};

}  // namespace weft::web
