// SPDX-License-Identifier: Apache-2.0
/// wrpc:blobstore in the object stores of NATS: the built-in `blobstore-nats`. What an operator may set:
/// builtins/blobstore-nats/settings.hpp. Where it differs from wasmCloud's: README.md.
#pragma once

#include <weft/builtin.hpp>

namespace weft::builtins::blobstore_nats {

/// For provider_factory().
BuiltinFactory factory();

}  // namespace weft::builtins::blobstore_nats
