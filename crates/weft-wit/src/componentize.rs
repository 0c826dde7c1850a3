// SPDX-License-Identifier: Apache-2.0
//! From a core module to a validated component, with the WASI preview-1 adapter where the module needs one.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider as adapters;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::resolve::resolve_world;

/// Which preview-1 adapter goes into the component. The numbers are those of `weft_wit_adapter` in the C header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Adapter {
    /// None if the module imports nothing of preview 1; `Command` if it exports `_start`; `Proxy` if it exports an HTTP
    /// handler and the proxy adapter has all it imports; else `Reactor`.
    #[default]
    Auto = 0,
    None = 1,
    Reactor = 2,
    Command = 3,
    Proxy = 4,
}

impl Adapter {
    pub fn from_number(number: i32) -> Option<Adapter> {
        [
            Adapter::Auto,
            Adapter::None,
            Adapter::Reactor,
            Adapter::Command,
            Adapter::Proxy,
        ]
        .into_iter()
        .find(|adapter| *adapter as i32 == number)
    }

    pub fn from_name(name: &str) -> Option<Adapter> {
        Some(match name {
            "auto" => Adapter::Auto,
            "none" => Adapter::None,
            "reactor" => Adapter::Reactor,
            "command" => Adapter::Command,
            "proxy" => Adapter::Proxy,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub adapter: Adapter,
    /// WIT and world to embed, for a module whose linker input did not carry them (no `*_component_type.o`).
    pub world: Option<(PathBuf, String)>,
}

/// Makes a component of `module`. The result is validated with the features of WASI 0.2.
pub fn componentize(module: &[u8], options: &Options) -> Result<Vec<u8>> {
    if !Parser::is_core_wasm(module) {
        if Parser::is_component(module) {
            bail!("the input is a component already");
        }
        bail!("the input is not a core WebAssembly module");
    }
    let shape = Shape::read(module).context("the input is not a valid core WebAssembly module")?;
    let mut module = module.to_vec();
    if let Some((wit, world)) = &options.world {
        let (resolve, id) = resolve_world(wit, world)?;
        embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().module(&module).context(
        "cannot read the module's world (link its *_component_type.o, or name WIT and world)",
    )?;
    if let Some(adapter) = choose(options.adapter, &shape)? {
        encoder = encoder.adapter(adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
    }
    let component = encoder
        .encode()
        .context("cannot make a component of the module")?;
    Validator::new_with_features(
        WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::CM_ASYNC,
    )
    .validate_all(&component)
    .context("the component made is not valid")?;
    Ok(component)
}

/// What of a module decides the adapter.
#[derive(Default)]
struct Shape {
    preview1_imports: Vec<String>,
    exports_start: bool,
    exports_http_handler: bool,
}

impl Shape {
    fn read(module: &[u8]) -> Result<Shape> {
        let mut shape = Shape::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        if import.module == adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
                            shape.preview1_imports.push(import.name.to_owned());
                        }
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let name = export?.name;
                        shape.exports_start |= name == "_start";
                        shape.exports_http_handler |=
                            name.starts_with("wasi:http/incoming-handler@");
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

/// What the proxy adapter can answer. The rest it lacks or answers as if there were nothing (environment, arguments, files),
/// which would take from a guest what its host may have granted.
const PROXY_FUNCTIONS: &[&str] = &[
    "clock_res_get",
    "clock_time_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

fn choose(wanted: Adapter, shape: &Shape) -> Result<Option<&'static [u8]>> {
    let needed = !shape.preview1_imports.is_empty();
    Ok(match wanted {
        Adapter::Auto if shape.exports_start => {
            Some(adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
        }
        Adapter::Auto if !needed => None,
        Adapter::Auto => {
            let proxy_has_all = shape
                .preview1_imports
                .iter()
                .all(|name| PROXY_FUNCTIONS.contains(&name.as_str()));
            Some(if shape.exports_http_handler && proxy_has_all {
                adapters::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER
            } else {
                adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
            })
        }
        Adapter::None if needed => bail!(
            "the module imports {} function(s) of WASI preview 1, and no adapter was asked for",
            shape.preview1_imports.len()
        ),
        Adapter::None => None,
        Adapter::Reactor => Some(adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER),
        Adapter::Command => Some(adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER),
        Adapter::Proxy => Some(adapters::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER),
    })
}
