// SPDX-License-Identifier: Apache-2.0
//! Compiled code: from the artifact cache, or compiled now and put there.

use crate::cache::Entry;
use crate::describe;
use crate::engine::{Engine, Needs};
use crate::error::{Code, Error, Result};

pub struct Component {
    pub inner: wasmtime::component::Component,
    pub was_cached: bool,
    pub needs: Needs,
}

impl Component {
    pub fn load(engine: &Engine, wasm: &[u8]) -> Result<Self> {
        // Most need nothing, and whether one does is not asked when it is cached.
        let plain = engine.plain().wasmtime();
        let entry = engine.cache_dir().map(|dir| Entry::new(dir, plain, wasm));
        if let Some(inner) = entry.as_ref().and_then(|entry| entry.load(plain)) {
            return Ok(Component {
                inner,
                was_cached: true,
                needs: Needs::Nothing,
            });
        }
        let needs = describe::check_supported(wasm)?;
        if needs == Needs::Nothing {
            return Self::compile(plain, entry, wasm, needs);
        }
        let concurrent = engine.concurrent()?;
        let runtime = concurrent.wasmtime();
        let entry = engine.cache_dir().map(|dir| Entry::new(dir, runtime, wasm));
        match entry.as_ref().and_then(|entry| entry.load(runtime)) {
            Some(inner) => Ok(Component {
                inner,
                was_cached: true,
                needs,
            }),
            None => Self::compile(runtime, entry, wasm, needs),
        }
    }

    fn compile(
        engine: &wasmtime::Engine,
        entry: Option<Entry>,
        wasm: &[u8],
        needs: Needs,
    ) -> Result<Self> {
        let inner = wasmtime::component::Component::from_binary(engine, wasm).map_err(|error| {
            Error::from_wasmtime(Code::Malformed, "the component does not compile", &error)
                .hint("rebuild it with a current toolchain, or check it with `wasm-tools validate`")
        })?;
        if let Some(entry) = entry {
            // Not being able to cache is no reason to refuse the component.
            let _ = entry.store(&inner);
        }
        Ok(Component {
            inner,
            was_cached: false,
            needs,
        })
    }
}
