// SPDX-License-Identifier: Apache-2.0
//! The header is written by hand: its functions are those that `capi.rs` exports, with as many parameters, and its numbers
//! are those of the Rust side.

use weft_wit::Adapter;

const HEADER: &str = include_str!("../include/weft_wit.h");
const SOURCE: &str = include_str!("../src/capi.rs");

/// Every `weft_wit_x(...)` after `marker`, with its number of parameters, sorted.
fn functions(text: &str, is_declaration: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("weft_wit_") {
        let Some(open) = text[start..].find('(').map(|at| start + at) else {
            continue;
        };
        let name = &text[start..open];
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            || !is_declaration(&text[..start])
        {
            continue;
        }
        let close = open + text[open..].find(')').unwrap();
        let parameters = text[open + 1..close]
            .split(',')
            .filter(|p| !matches!(p.trim(), "" | "void"))
            .count();
        found.push((name.to_owned(), parameters));
    }
    found.sort();
    found
}

fn number(name: &str) -> i32 {
    let line = HEADER
        .lines()
        .find(|line| line.starts_with(&format!("#define {name} ")))
        .unwrap();
    line.trim_end_matches(')')
        .rsplit(')')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn declares_what_the_library_exports() {
    let declared = functions(HEADER, |before| {
        let line = before.rsplit('\n').next().unwrap();
        ["weft_wit_status ", "void ", "const char* "].contains(&line)
    });
    let exported = functions(SOURCE, |before| before.ends_with("extern \"C\" fn "));
    assert_eq!(declared, exported);
    assert_eq!(declared.len(), 5);
}

#[test]
fn numbers_agree() {
    for (name, adapter) in [
        ("WEFT_WIT_ADAPTER_AUTO", Adapter::Auto),
        ("WEFT_WIT_ADAPTER_NONE", Adapter::None),
        ("WEFT_WIT_ADAPTER_REACTOR", Adapter::Reactor),
        ("WEFT_WIT_ADAPTER_COMMAND", Adapter::Command),
        ("WEFT_WIT_ADAPTER_PROXY", Adapter::Proxy),
    ] {
        assert_eq!(Adapter::from_number(number(name)), Some(adapter));
    }
    for (name, value) in [
        ("WEFT_WIT_OK", 0),
        ("WEFT_WIT_FAILED", 1),
        ("WEFT_WIT_BAD_ARGUMENT", 2),
        ("WEFT_WIT_INTERNAL", 3),
    ] {
        assert_eq!(number(name), value);
    }
}

#[test]
fn bindgen_version_is_the_pinned_one() {
    let manifest = include_str!("../Cargo.toml");
    let version = unsafe { std::ffi::CStr::from_ptr(weft_wit::capi::weft_wit_bindgen_version()) };
    assert!(manifest.contains(&format!(
        "wit-bindgen-c = \"={}\"",
        version.to_str().unwrap()
    )));
}
