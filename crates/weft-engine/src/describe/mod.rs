// SPDX-License-Identifier: Apache-2.0
//! What a component is and wants, read from its bytes without compiling it.
//!
//! Gives its imports and exports with all their types, as WIT text and as data; the WASI version and the world it needs;
//! the toolchain it came from. Files that are not components are told apart: not WebAssembly, a core module, a WIT
//! package, a damaged file; each is an error of its own with its own way out.
//! Does not validate function bodies: that is done when the component is compiled.

mod lifts;
mod types;
mod wasi;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wasmparser::{CanonicalFunction, CanonicalOption, Encoding, KnownCustom, Parser, Payload};
use wit_component::WitPrinter;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, World};

use crate::engine::Needs;
use crate::error::{Code, Error, Result};
use types::items;
use wasi::{async_items, is_wasi_03, kind, wasi_versions};

/// How a component is meant to be run, judged by what it exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exports wasi:http/incoming-handler.
    Http,
    /// Exports wasi:cli/run.
    Command,
    /// Exports something else, or nothing.
    Library,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Command => "command",
            Kind::Library => "library",
        }
    }
}

/// One import or export.
#[derive(Clone, Debug)]
pub struct Item {
    /// `ns:pkg/interface@version`, or the plain name of a function or type.
    pub name: String,
    /// The item as data: kind, functions, types.
    pub data: Value,
}

#[derive(Clone, Debug)]
pub struct Description {
    pub kind: Kind,
    pub size: usize,
    pub imports: Vec<Item>,
    pub exports: Vec<Item>,
    pub wit: String,
    /// Versions of WASI interfaces that occur, lowest first, such as `0.2.3`.
    pub wasi_versions: Vec<String>,
    /// Names of imports and exports that need WASI 0.3 or the async types of the component model.
    pub async_items: Vec<String>,
    /// The producers sections: what (language, processed-by, sdk) -> name -> version.
    pub producers: BTreeMap<String, BTreeMap<String, String>>,
    pub core_modules: usize,
}

impl Description {
    /// The newest WASI version that occurs.
    pub fn wasi_version(&self) -> Option<&str> {
        self.wasi_versions.last().map(String::as_str)
    }

    /// One line that says what made the component, such as `Rust 1.96.0, wit-component 0.254.2`.
    pub fn toolchain(&self) -> String {
        let parts = ["language", "sdk", "processed-by"].iter();
        let parts = parts.filter_map(|field| self.producers.get(*field));
        let parts = parts
            .flatten()
            .map(|(name, version)| match version.as_str() {
                "" => name.clone(),
                version => format!("{name} {version}"),
            });
        parts.collect::<Vec<_>>().join(", ")
    }

    pub fn to_json(&self) -> String {
        let items =
            |items: &[Item]| Value::Array(items.iter().map(|item| item.data.clone()).collect());
        json!({
            "kind": self.kind.name(),
            "size": self.size,
            "core_modules": self.core_modules,
            "wasi_version": self.wasi_version(),
            "wasi_versions": self.wasi_versions,
            "async_items": self.async_items,
            "toolchain": self.toolchain(),
            "producers": self.producers,
            "imports": items(&self.imports),
            "exports": items(&self.exports),
            "wit": self.wit,
        })
        .to_string()
    }
}

/// Refuses what can never run here, by name: files that are not components, and components that need WASI 0.3. Says which engine the others need.
pub fn check_supported(wasm: &[u8]) -> Result<Needs> {
    check_component(wasm)?;
    // First, because decode() makes room for what a section promises, however little follows.
    let scanned = scan(wasm)?;
    let newer: Vec<_> = scanned
        .import_names
        .into_iter()
        .filter(|name| is_wasi_03(name))
        .collect();
    if !newer.is_empty() {
        return Err(unsupported(&newer));
    }
    // A component whose interface cannot be told in WIT may still be fine; wasmtime decides about those.
    let Ok(DecodedWasm::Component(resolve, world)) = decode(wasm) else {
        return concurrent_if(scanned.needs == Needs::Concurrency, wasm);
    };
    let (newer, others): (Vec<_>, Vec<_>) = async_items(&resolve, &resolve.worlds[world])
        .into_iter()
        .partition(|name| is_wasi_03(name));
    if !newer.is_empty() {
        return Err(unsupported(&newer));
    }
    concurrent_if(
        scanned.needs == Needs::Concurrency || !others.is_empty(),
        wasm,
    )
}

fn concurrent_if(needs: bool, wasm: &[u8]) -> Result<Needs> {
    if !needs {
        return Ok(Needs::Nothing);
    }
    lifts::refuse_sync_lifts(wasm)?;
    Ok(Needs::Concurrency)
}

/// Everything there is to say about a component.
pub fn describe(wasm: &[u8]) -> Result<Description> {
    check_component(wasm)?;
    let scanned = scan(wasm)?;
    let (resolve, world_id) = match decode(wasm) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => return Err(wit_package()),
        Err(error) => return Err(damaged(&one_line(&format!("{error:#}")))),
    };
    let world = &resolve.worlds[world_id];
    let printed = print(&resolve, world).map_err(|error| {
        Error::new(
            Code::Internal,
            format!("the component's interface cannot be written as WIT: {error}"),
        )
    })?;
    Ok(Description {
        kind: kind(&resolve, world),
        size: wasm.len(),
        imports: items(&resolve, &world.imports),
        exports: items(&resolve, &world.exports),
        wit: printed,
        wasi_versions: wasi_versions(&resolve, world),
        async_items: async_items(&resolve, world),
        producers: scanned.producers,
        core_modules: scanned.core_modules,
    })
}

fn check_component(wasm: &[u8]) -> Result<()> {
    if Parser::is_component(wasm) {
        return match decode_is_package(wasm) {
            true => Err(wit_package()),
            false => Ok(()),
        };
    }
    if Parser::is_core_wasm(wasm) {
        return Err(Error::new(
            Code::Unsupported,
            "the file is a core WebAssembly module, not a component",
        )
        .hint("make a component of it with `weft wit new`"));
    }
    if wasm.len() < 8 && !wasm.is_empty() && b"\0asm".starts_with(&wasm[..wasm.len().min(4)]) {
        return Err(damaged("it ends within its first bytes"));
    }
    if wasm.starts_with(b"\0asm") {
        return Err(Error::new(
            Code::Unsupported,
            "the file is WebAssembly of an unknown version",
        )
        .hint("rebuild it with a current toolchain"));
    }
    Err(
        Error::new(Code::Malformed, "the file is not WebAssembly").hint(match std::str::from_utf8(
            wasm,
        ) {
            Ok(text)
                if text.trim_start().starts_with("(component")
                    || text.trim_start().starts_with("(module") =>
            {
                "it is WebAssembly text; assemble it first, for example with `wasm-tools parse`"
            }
            _ => "name the .wasm file of a component",
        }),
    )
}

/// A WIT package in binary form is a component too, but holds no code.
fn decode_is_package(wasm: &[u8]) -> bool {
    let mut sections = Parser::new(0)
        .parse_all(wasm)
        .filter_map(std::result::Result::ok);
    let has_marker = sections.any(
        |payload| matches!(&payload, Payload::CustomSection(section) if section.name() == "wit-component-encoding"),
    );
    has_marker && scan(wasm).is_ok_and(|scanned| scanned.core_modules == 0)
}

fn wit_package() -> Error {
    Error::new(
        Code::Unsupported,
        "the file is a WIT package: it describes interfaces and holds no code",
    )
    .hint("name the component itself")
}

fn damaged(why: &str) -> Error {
    Error::new(
        Code::Malformed,
        format!("the component is truncated or damaged: {why}"),
    )
    .hint("copy or download the file again, or rebuild it")
}

fn unsupported(names: &[String]) -> Error {
    Error::new(
        Code::Unsupported,
        format!(
            "the component needs WASI 0.3, which is not supported yet: {}",
            names.join(", ")
        ),
    )
    .hint("build it for WASI 0.2")
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

struct Scanned {
    producers: BTreeMap<String, BTreeMap<String, String>>,
    core_modules: usize,
    import_names: Vec<String>,
    /// By what it uses inside, whatever its interface shows.
    needs: Needs,
}

/// One pass over all sections, of nested modules and components too.
fn scan(wasm: &[u8]) -> Result<Scanned> {
    let mut out = Scanned {
        producers: BTreeMap::new(),
        core_modules: 0,
        import_names: Vec::new(),
        needs: Needs::Nothing,
    };
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| damaged(&error.to_string()))? {
            Payload::Version { encoding, .. } => {
                depth += 1;
                if encoding == Encoding::Module {
                    out.core_modules += 1;
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(|error| damaged(&error.to_string()))?;
                    out.import_names.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    let function = function.map_err(|error| damaged(&error.to_string()))?;
                    if uses_concurrency(&function) {
                        out.needs = Needs::Concurrency;
                    }
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    for field in fields.into_iter().flatten() {
                        let names = out.producers.entry(field.name.to_owned()).or_default();
                        for value in field.values.into_iter().flatten() {
                            names.insert(value.name.to_owned(), value.version.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Whether it is one of the functions that only an engine with concurrency has, or is async.
fn uses_concurrency(function: &CanonicalFunction) -> bool {
    let is_async = |options: &[CanonicalOption]| options.contains(&CanonicalOption::Async);
    match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            is_async(options)
        }
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        _ => true,
    }
}

fn print(resolve: &Resolve, world: &World) -> std::result::Result<String, String> {
    let Some(package) = world.package else {
        return Ok(String::new());
    };
    let others: Vec<_> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != package)
        .collect();
    let mut printer = WitPrinter::default();
    printer
        .print(resolve, package, &others)
        .map_err(|error| format!("{error:#}"))?;
    Ok(printer.output.to_string())
}
#[cfg(test)]
mod tests {
    use super::*;

    fn wasm(wat: &str) -> Vec<u8> {
        wat::parse_str(wat).unwrap()
    }

    const CALLEE: &str = r#"(component
        (import "wasi:clocks/wall-clock@0.2.3" (instance (export "now" (func (result u64)))))
        (type $i (instance
            (type $p' (record (field "x" u32) (field "tags" (list string))))
            (export "point" (type $p (eq $p')))
            (export "draw" (func (param "at" $p) (result (result u8 (error string)))))))
        (import "weft:test/shapes@1.2.3" (instance (type $i)))
        (core module (@producers (language "Rust" "1.96.0") (processed-by "rustc" "1.96.0"))))"#;

    #[test]
    fn says_what_a_component_imports_and_is_made_of() {
        let wasm = wasm(CALLEE);
        check_supported(&wasm).unwrap();
        let found = describe(&wasm).unwrap();
        assert_eq!(found.kind, Kind::Library);
        assert_eq!(found.wasi_version(), Some("0.2.3"));
        assert_eq!(found.toolchain(), "Rust 1.96.0, rustc 1.96.0");
        let names: Vec<_> = found
            .imports
            .iter()
            .map(|item| item.name.as_str())
            .collect();
        assert_eq!(
            names,
            ["wasi:clocks/wall-clock@0.2.3", "weft:test/shapes@1.2.3"]
        );
        assert!(
            found
                .wit
                .contains("draw: func(at: point) -> result<u8, string>;"),
            "{}",
            found.wit
        );
        let json: Value = serde_json::from_str(&found.to_json()).unwrap();
        let shapes = &json["imports"][1];
        assert_eq!(shapes["functions"][0]["params"][0]["type"], "point");
        assert_eq!(shapes["functions"][0]["result"], "result<u8, string>");
        assert_eq!(shapes["types"][0]["fields"][1]["type"], "list<string>");
        assert_eq!(json["core_modules"], 1);
    }

    #[test]
    fn files_that_are_no_components_are_told_apart() {
        let component = wasm(CALLEE);
        for (bytes, code, word) in [
            (&b"hello"[..], Code::Malformed, "not WebAssembly"),
            (b"", Code::Malformed, "not WebAssembly"),
            (b"(component)", Code::Malformed, "not WebAssembly"),
            (
                &wasm("(module)"),
                Code::Unsupported,
                "core WebAssembly module",
            ),
            (
                &component[..component.len() - 7],
                Code::Malformed,
                "truncated",
            ),
            (&component[..6], Code::Malformed, "truncated"),
            (b"\0asm\x09\0\x07\0", Code::Unsupported, "unknown version"),
        ] {
            for error in [
                check_supported(bytes).unwrap_err(),
                describe(bytes).unwrap_err(),
            ] {
                assert_eq!(error.code, code, "{}", error.message);
                assert!(error.message.contains(word), "{}", error.message);
                assert!(!error.hint.is_empty());
            }
        }
    }

    #[test]
    fn no_room_is_made_for_what_a_section_only_promises() {
        let promises_4_gib = b"\0asm\x0d\0\x01\0\x00\xff\xff\xff\xff\x0f\x01x";
        let error = check_supported(promises_4_gib).unwrap_err();
        assert_eq!(error.code, Code::Malformed, "{}", error.message);
        assert!(describe(promises_4_gib).is_err());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib: u64 = peak
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap()
            .parse()
            .unwrap();
        assert!(kib < 2 << 20, "{kib} KiB were resident");
    }

    #[test]
    fn any_cut_or_flipped_file_is_an_answer_or_an_error() {
        let whole = wasm(CALLEE);
        for at in 0..whole.len() {
            let _ = (check_supported(&whole[..at]), describe(&whole[..at]));
            for bit in [0, 3, 7] {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let _ = (check_supported(&flipped), describe(&flipped));
            }
        }
    }
}
