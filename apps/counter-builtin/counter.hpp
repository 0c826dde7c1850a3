// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <weft/builtin.hpp>

/// What a program adds to its host under a name: registry.emplace("counter", counter_builtin()).
weft::BuiltinFactory counter_builtin();
