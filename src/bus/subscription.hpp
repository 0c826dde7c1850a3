// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace weft::bus {

/// Something that is listened to. Destroying it, on the shard it was made for, ends it: nothing is delivered after.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

}  // namespace weft::bus
