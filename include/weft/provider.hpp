// SPDX-License-Identifier: Apache-2.0
/// A capability provider as a process of its own: the same class as a built-in (weft/builtin.hpp), with this for a
/// main.
///
///   int main() { return weft::run_provider(weft::builtin_factory<Counter>()); }
///
/// A host starts it (`weft start provider file:///path/to/it ID`), weft's or wasmCloud 1.9's: it reads who it is from
/// standard input, connects to the lattice, is linked and configured, serves what it has registered, and ends when it
/// is told to. It logs to standard error. Threads: those of the builtin's own contract. Source: data-plane facts 4.11.
#pragma once

#include <weft/builtin.hpp>

namespace weft {

/// Runs until the host ends it. Gives the process's exit code: 0, or 1 after a line on standard error that says why.
int run_provider(BuiltinFactory factory);

}  // namespace weft
