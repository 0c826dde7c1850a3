// SPDX-License-Identifier: Apache-2.0
// The same for tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library.hpp"
