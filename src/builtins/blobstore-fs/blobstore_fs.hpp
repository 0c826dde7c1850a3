// SPDX-License-Identifier: Apache-2.0
/// wrpc:blobstore in a folder: the built-in `blobstore-fs`. See README.md for what an operator may set.
#pragma once

#include <weft/builtin.hpp>

namespace weft::builtins::blobstore_fs {

/// For provider_factory().
BuiltinFactory factory();

}  // namespace weft::builtins::blobstore_fs
