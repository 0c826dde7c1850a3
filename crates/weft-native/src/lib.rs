// SPDX-License-Identifier: Apache-2.0
//! One archive, because two Rust static libraries in one program would carry the standard library twice.
pub use weft_engine as engine;
pub use weft_wit as wit;

/// Instances come and go with every request, from every shard; docs/performance.md has what this gives over glibc's.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
