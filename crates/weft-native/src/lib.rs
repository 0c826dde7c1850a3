// SPDX-License-Identifier: Apache-2.0
//! One archive, because two Rust static libraries in one program would carry the standard library twice.
pub use weft_engine as engine;
pub use weft_wit as wit;
