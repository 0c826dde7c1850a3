// SPDX-License-Identifier: Apache-2.0
/// What goes over one link's interface to one target, counted where it happens: each shard has counters of its own,
/// made at its first call there, so counting takes no lock and no memory that another shard writes, and a link that
/// nobody uses costs a pointer for each shard.
///
/// Ownership: the counters of a route belong to the snapshots that have it, and to the calls that run over it. Threads:
/// LinkSlot::get() and CallMeter on the shard of the calls; LinkSlot::add_to() any.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "dispatch/call_counters.hpp"

namespace weft::dispatch {

/// Of one route on one shard.
class LinkCounters final : public boost::intrusive_ref_counter<LinkCounters>, public CallCounters {};

/// Where a shard keeps them.
class LinkSlot {
 public:
  LinkSlot() = default;
  ~LinkSlot() {
    if (auto* const counters = counters_.load(std::memory_order_relaxed)) intrusive_ptr_release(counters);
  }
  LinkSlot(const LinkSlot&) = delete;
  LinkSlot& operator=(const LinkSlot&) = delete;

  [[nodiscard]] LinkCounters& get() {
    auto* counters = counters_.load(std::memory_order_relaxed);
    if (counters == nullptr) {
      counters = new LinkCounters();
      intrusive_ptr_add_ref(counters);
      counters_.store(counters, std::memory_order_release);
    }
    return *counters;
  }
  void add_to(CallFigures& figures) const noexcept {
    if (const auto* const counters = counters_.load(std::memory_order_acquire)) counters->add_to(figures);
  }

 private:
  std::atomic<LinkCounters*> counters_{nullptr};
};

/// A link's interface and what went over it.
struct LinkFigures : CallFigures {
  std::string source, link_name, interface, target;
};

/// Measures one call over a link, from its begin to its end; one that is destroyed before has failed.
class CallMeter {
 public:
  using Clock = std::chrono::steady_clock;

  CallMeter() = default;
  ~CallMeter() { end(true); }
  CallMeter(CallMeter&&) noexcept = default;
  CallMeter(const CallMeter&) = delete;
  CallMeter& operator=(const CallMeter&) = delete;

  void begin(LinkCounters& counters, Clock::time_point now) noexcept {
    end(true);
    counters_.reset(&counters);
    began_ = now;
  }
  /// Does nothing if none has begun.
  void end(bool failed) noexcept {
    if (counters_) {
      counters_->ended(Clock::now() - began_, failed);
      counters_.reset();
    }
  }

 private:
  boost::intrusive_ptr<LinkCounters> counters_;
  Clock::time_point began_;
};

}  // namespace weft::dispatch
