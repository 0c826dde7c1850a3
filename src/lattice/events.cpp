// SPDX-License-Identifier: Apache-2.0
#include "lattice/events.hpp"

#include <utility>

#include "wire/control_subject.hpp"

namespace weft::lattice {

EventPublisher::EventPublisher(bus::Bus& bus, std::string lattice, std::string host_id, EventStamp stamp)
    : bus_(bus), lattice_(std::move(lattice)), host_id_(std::move(host_id)), stamp_(std::move(stamp)) {}

void EventPublisher::publish(std::string_view name, std::string data) {
  const wire::Event event{
      .name = std::string(name), .source = host_id_, .id = stamp_.id(), .time = stamp_.time(), .data = std::move(data)};
  (void)bus_.publish(
      {.subject = wire::event_subject(lattice_, name), .reply = {}, .headers = {}, .payload = wire::encode(event)});
}

}  // namespace weft::lattice
