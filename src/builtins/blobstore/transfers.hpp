// SPDX-License-Identifier: Apache-2.0
/// Objects and lists of names on their way between a store and a caller, each a chain of steps on the pool that goes on
/// when the other side has taken the last one. A transfer owns itself: it lives as long as a step of it is to come, and
/// ends with its object, with an error, or when the other side has gone.
/// Threads: each step on the pool; in between on any. Errors are told in the results where nothing has been sent, else
/// by the status that follows the stream; where there is none (0.1.0) the stream breaks off.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "builtins/blobstore/blobstore.hpp"

namespace weft::builtins::blobstore {

using Status = FutureOut<Outcome<void>>;
template <class T>
using Streamed = Outcome<std::tuple<StreamOut<T>, Status>>;  ///< 0.2.0
template <class T>
using OlderStreamed = Outcome<StreamOut<T>>;  ///< 0.1.0

using StorePtr = std::shared_ptr<Store>;

void send_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, std::uint64_t start, std::uint64_t end,
                 Reply<Streamed<std::byte>> reply);
void send_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, std::uint64_t start, std::uint64_t end,
                 Reply<OlderStreamed<std::byte>> reply);

struct Page {
  std::uint64_t offset = 0;
  std::uint64_t limit = UINT64_MAX;
};
void send_names(std::shared_ptr<Work> work, StorePtr store, std::string container, Page page,
                Reply<Streamed<std::string>> reply);
void send_names(std::shared_ptr<Work> work, StorePtr store, std::string container, Page page,
                Reply<OlderStreamed<std::string>> reply);

/// Answered when the object may be sent, and resolved when it is stored.
void take_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data,
                 Reply<Outcome<Status>> reply);
/// Answered when it is stored.
void take_object(std::shared_ptr<Work> work, StorePtr store, ObjectId id, ByteSource data, Reply<Outcome<void>> reply);

}  // namespace weft::builtins::blobstore
