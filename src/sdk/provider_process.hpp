// SPDX-License-Identifier: Apache-2.0
/// What stands around a provider that is a process: its connection, the commands it hears, its links, and the calls of
/// the lattice, in and out. Whatever the host's registry can start inside the host can be started here.
///
/// Commands are carried out one after the other. It answers questions about its health once it serves, so that a host
/// can tell a provider that is ready from one that is not.
/// Ownership: by main; everything in it ends before run() returns. Threads: run() on a thread that may block; the
/// provider as builtins::Provider says. Errors: malformed (no document of a host on standard input), those of the
/// connection, and whatever the provider's start fails with.
/// Source: data-plane facts 4.3-4.11.
#pragma once

#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "builtins/provider.hpp"
#include "wire/host_data.hpp"

namespace weft::sdk {

/// The line that a host writes first; ends at its end, or at the end of the stream. Blocks.
Result<std::string> read_first_line(int descriptor);

/// Until the host ends it, or SIGTERM or SIGINT does.
Result<void> run_provider_process(const wire::HostData& data, const builtins::ProviderFactory& factory);

/// Lines on standard error as the host asks for them.
LogSink log_to_stderr(const wire::HostData& data);

/// All of a provider's main: the document from standard input, then run_provider_process(). The exit code.
int provider_main(const builtins::ProviderFactory& factory);

}  // namespace weft::sdk
