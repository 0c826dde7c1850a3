// SPDX-License-Identifier: Apache-2.0
//! Compiled code: from the artifact cache, or compiled now and put there.

use crate::cache::Entry;
use crate::describe;
use crate::engine::Engine;
use crate::error::{Code, Error, Result};

pub struct Component {
    pub inner: wasmtime::component::Component,
    pub was_cached: bool,
}

impl Component {
    pub fn load(engine: &Engine, wasm: &[u8]) -> Result<Self> {
        let entry = engine
            .cache_dir()
            .map(|dir| Entry::new(dir, engine.wasmtime(), wasm));
        if let Some(inner) = entry
            .as_ref()
            .and_then(|entry| entry.load(engine.wasmtime()))
        {
            return Ok(Component {
                inner,
                was_cached: true,
            });
        }
        describe::check_supported(wasm)?;
        let inner = wasmtime::component::Component::from_binary(engine.wasmtime(), wasm).map_err(
            |error| {
                Error::from_wasmtime(Code::Malformed, "the component does not compile", &error)
                .hint("rebuild it with a current toolchain, or check it with `wasm-tools validate`")
            },
        )?;
        if let Some(entry) = entry {
            // Not being able to cache is no reason to refuse the component.
            let _ = entry.store(&inner);
        }
        Ok(Component {
            inner,
            was_cached: false,
        })
    }
}
