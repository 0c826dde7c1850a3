// SPDX-License-Identifier: Apache-2.0
// The provider of apps/counter-builtin as a process of its own.
#include <counter.hpp>
#include <weft/provider.hpp>

int main() { return weft::run_provider(counter_builtin()); }
