// SPDX-License-Identifier: Apache-2.0
//! Guest tooling without tools to install: C bindings from WIT ([`bindgen`]) and components from core modules
//! ([`componentize`]). Stands on the libraries behind `wit-bindgen` and `wasm-tools`; knows nothing of the engine, so the
//! small program `weft-wit` can build the guests before the engine is built. [`capi`] is the same for C and C++.

pub mod bindgen;
pub mod capi;
pub mod componentize;
mod resolve;

pub use bindgen::{Generated, bindgen_c, write_bindings};
pub use componentize::{Adapter, Options, componentize};
