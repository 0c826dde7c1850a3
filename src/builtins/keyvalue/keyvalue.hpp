// SPDX-License-Identifier: Apache-2.0
/// The provider `keyvalue`: serves wrpc:keyvalue/{store,atomics,batch}, in memory or from an SQLite file. Guests import
/// wasi:keyvalue, whose buckets the host turns into names. What an operator may set: builtins/keyvalue/options.hpp.
///
/// A batch is bounded by kMaxBatchKeys; with SQLite a set-many happens wholly or not at all, in memory it is as many
/// single changes. A configuration may change while it runs, all but its back-end and path. Source: data-plane
/// facts 3.9 and 3.11.
#pragma once

#include <cstddef>
#include <weft/builtin.hpp>

namespace weft::builtins::keyvalue {

inline constexpr std::size_t kMaxBatchKeys = 10'000;

[[nodiscard]] BuiltinFactory factory();

}  // namespace weft::builtins::keyvalue
