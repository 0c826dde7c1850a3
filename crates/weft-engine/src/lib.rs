// SPDX-License-Identifier: Apache-2.0
//! wasmtime behind a C ABI (include/weft_engine.h); no lattice knowledge. See README.md for where things are.

mod asking;
mod blobstore;
mod body;
mod cache;
mod call;
mod component;
pub mod describe;
mod engine;
mod error;
pub mod ffi;
mod grants;
mod imports;
mod logs;
mod messaging;
mod outgoing;
mod prepared;
mod state;
mod streams;
pub mod text;
pub mod transcode;
mod waker;

#[cfg(test)]
mod tests;
